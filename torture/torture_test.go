package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain makes the test binary the harness's worker process, too.
func TestMain(m *testing.M) {
	if text := os.Getenv(workerEnv); text != "" {
		os.Exit(workerMain(text))
	}
	goleak.VerifyTestMain(m)
}

func TestShortRun(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{
		"-for", "3s", "-seed", "7", "-workers", "2", "-rate", "100", "-gap", "500ms", "-faults",
		"kill,term,cut,clients,scripts", "-json",
	}, &out, &errs)
	if code != 0 {
		t.Fatalf("exit status %d\n%s%s", code, out.String(), errs.String())
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if !r.Held || r.Done < 100 || r.Dead == 0 || r.Seed != 7 || len(r.Faults) == 0 {
		t.Errorf("a strange report: %s", out.String())
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for flags, code := range map[string]int{
		"-h": 0, "-for 1ms": 2, "-faults fire": 2, "-workers 0": 2, "-lease 1ms": 2, "now": 2,
	} {
		var errs bytes.Buffer
		if got := run(t.Context(), strings.Fields(flags), io.Discard, &errs); got != code || errs.Len() == 0 {
			t.Errorf("%s: exit status %d, want %d; it says %q", flags, got, code, errs.String())
		}
	}
}

func TestLedgerSurvivesItsOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		book, err := openLedger(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		book.write(line{Said: saidStart, Proc: name, At: at(2)})
		book.write(line{Said: saidDone, Proc: name, At: at(1)}) // never closed before it is read
		t.Cleanup(func() { _ = book.close() })
	}
	lines, err := readLedgers(dir)
	if err != nil || len(lines) != 4 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	if lines[0].Said != saidDone || lines[3].Said != saidStart {
		t.Errorf("not in the order of time: %v", lines)
	}
}

// echoThrough returns a connection through a proxy to a server that echoes.
func echoThrough(t *testing.T) (*proxy, net.Conn) {
	t.Helper()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := echo.Accept()
		if err == nil {
			_, _ = io.Copy(conn, conn)
			_ = conn.Close()
		}
	}()
	p, err := newProxy(echo.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", p.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		p.close()
		_ = echo.Close()
		<-done
	})
	send(t, conn)
	return p, conn
}

// send sends some bytes and waits until they are back; it returns how long that took.
func send(t *testing.T, conn net.Conn) time.Duration {
	t.Helper()
	began, text := time.Now(), []byte("hello")
	if _, err := conn.Write(text); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, text); err != nil || string(text) != "hello" {
		t.Fatal(string(text), err)
	}
	return time.Since(began)
}

func TestProxyCuts(t *testing.T) {
	t.Parallel()
	p, conn := echoThrough(t)
	link := p.open()[0]
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.cut(t.Context(), rand.New(rand.NewPCG(1, 1)))
	}()
	for tick := time.NewTicker(time.Millisecond); link.budget.Load() < 0; { // the cut may be slow to begin
		<-tick.C
	}
	_, _ = io.Copy(conn, bytes.NewReader(make([]byte, 1<<20))) // fails when the connection is cut
	back, _ := io.Copy(io.Discard, conn)
	<-done
	if back >= 1<<20 {
		t.Errorf("%d bytes came back through a connection that was cut", back)
	}
}

func TestProxyStallsAndSlows(t *testing.T) {
	t.Parallel()
	const long = 600 * time.Millisecond
	p, conn := echoThrough(t)
	holding := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.delay.Store(int64(long))
		close(holding)
		p.stall(t.Context(), long)
	}()
	<-holding
	if took := send(t, conn); took < 2*long { // once on its way there, once on its way back
		t.Errorf("bytes came back after %s", took)
	}
	<-done
	p.delay.Store(0)
	if took := send(t, conn); took >= long {
		t.Errorf("bytes came back after %s when the fault was over", took)
	}
}
