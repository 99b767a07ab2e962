package main

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// One step of a cluster, with all that takes part.
func TestShortRun(t *testing.T) {
	t.Parallel()
	w, err := openCluster(t.Context(), t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer w.nodes.Kill()
	rows, beside, err := w.play(t.Context(), func(ctx context.Context) error {
		return w.step(ctx, "CLUSTER FAILOVER", w.queues[0], func(s *step) error { return w.planned(ctx, s) })
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[1].Acked < 50 || rows[1].BareAcked < 50 || rows[1].Durable == 0 || rows[1].Lost > 0 {
		t.Errorf("a strange report: %+v", rows)
	}
	if beside.Charged == 0 || beside.ChargedTwice > 0 || beside.Locks == 0 || beside.Pages == 0 {
		t.Errorf("a strange report: %+v", beside)
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for flags, code := range map[string]int{"-h": 0, "-for -1s": 2, "-only moon": 2, "now": 2} {
		var errs strings.Builder
		if got := execute(t.Context(), strings.Fields(flags), io.Discard, &errs); got != code || errs.Len() == 0 {
			t.Errorf("%s: exit status %d, want %d; it says %q", flags, got, code, errs.String())
		}
	}
}

func TestNetworkIsCut(t *testing.T) {
	t.Parallel()
	one, other := redistest.New(t), redistest.New(t)
	var n network
	dial := func(s *redistest.Server) net.Conn {
		t.Helper()
		conn, err := n.dial(t.Context(), "tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	answers := func(conn net.Conn) bool {
		_, err := conn.Write([]byte("PING\r\n"))
		if err == nil {
			_, err = io.ReadFull(conn, make([]byte, len("+PONG\r\n")))
		}
		return err == nil
	}
	to, from := dial(one), dial(other)
	if !answers(to) || !answers(from) {
		t.Error("it is cut from the beginning")
	}
	n.cut(one.Addr)
	if _, err := n.dial(t.Context(), "tcp", other.Addr); !errors.Is(err, errCut) || !answers(to) || answers(from) {
		t.Errorf("it is not cut: %v", err)
	}
	n.heal()
	if !answers(dial(other)) {
		t.Error("it does not heal")
	}
}
