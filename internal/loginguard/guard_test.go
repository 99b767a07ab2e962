package loginguard

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is set by the test.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() time.Time               { return time.Unix(1_700_000_000, c.ns.Load()) }
func (c *clock) passes(d time.Duration)       { c.ns.Add(int64(d)) }
func wrong() bool                             { return false }
func right() bool                             { return true }
func address(n int) string                    { return fmt.Sprintf("10.0.%d.%d", n/250, n%250) }
func refused(err error) (r *Refused, ok bool) { ok = errors.As(err, &r); return r, ok }

func TestManyAtOnceAreNotAllCompared(t *testing.T) {
	t.Parallel()
	g := New(nil)
	var compared atomic.Int64
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			_, _ = g.Try(t.Context(), "vera", "a", func() bool { compared.Add(1); return false })
		})
	}
	all.Wait()
	if n := compared.Load(); n > int64(pairLimit.free) || n == 0 {
		t.Errorf("%d compared, want up to %d", n, pairLimit.free)
	}
}

func TestTheWaitDoublesAndEnds(t *testing.T) {
	t.Parallel()
	var c clock
	g := New(c.now)
	for range pairLimit.free {
		if _, err := g.Try(t.Context(), "vera", "a", wrong); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 15, 15} {
		_, err := g.Try(t.Context(), "vera", "a", right)
		if r, ok := refused(err); !ok || r.Busy || r.After != want*time.Minute {
			t.Fatalf("got %v, want a wait of %d minutes", err, want)
		}
		c.passes(want * time.Minute)
		if _, err := g.Try(t.Context(), "vera", "a", wrong); err != nil {
			t.Fatal(err)
		}
	}
	c.passes(pairLimit.forgotten + time.Second)
	for range pairLimit.free {
		if _, err := g.Try(t.Context(), "vera", "a", wrong); err != nil {
			t.Fatalf("nothing is forgotten: %v", err)
		}
	}
}

func TestStrangersKeepNobodyOut(t *testing.T) {
	t.Parallel()
	var c clock
	g := New(c.now)
	try := func(account, from string, compare func() bool) error {
		_, err := g.Try(t.Context(), account, from, compare)
		return err
	}
	if err := try("alice", "home", right); err != nil {
		t.Fatal(err)
	}
	for range pairLimit.free + 1 {
		_ = try("x", "proxy", wrong)
	}
	if err := try("alice", "proxy", right); err != nil {
		t.Errorf("behind the proxy of a stranger: %v", err)
	}
	for n := range accountLimit.free * 3 { // from everywhere
		_ = try("alice", address(n), wrong)
	}
	if err := try("alice", "another", right); err == nil {
		t.Error("an account is tried from everywhere without a limit")
	}
	if err := try("alice", "home", right); err != nil {
		t.Errorf("where alice was before: %v", err)
	}
	for n := range addressLimit.free * 3 { // many names from one address
		_ = try(fmt.Sprint("name-", n), "home", wrong)
	}
	if err := try("bob", "home", right); err == nil {
		t.Error("an address tries names without a limit")
	}
	if err := try("alice", "home", right); err != nil {
		t.Errorf("beside a stranger at the same address: %v", err)
	}
	c.passes(accountLimit.most)
	if err := try("alice", "another", right); err != nil {
		t.Errorf("after the longest wait: %v", err)
	}
}

func TestWhatWasNotComparedDoesNotCount(t *testing.T) {
	t.Parallel()
	g := New(nil)
	hold := make(chan struct{})
	var held sync.WaitGroup
	for n := range comparedAtOnce {
		entered := make(chan struct{})
		held.Go(func() {
			_, _ = g.Try(t.Context(), fmt.Sprint("holder-", n), "h", func() bool { close(entered); <-hold; return false })
		})
		<-entered
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range pairLimit.free * 2 {
		if _, err := g.Try(gone, "vera", "a", wrong); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	}
	close(hold)
	held.Wait()
	if ok, err := g.Try(t.Context(), "vera", "a", right); !ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	t.Parallel()
	g := New(nil)
	g.waiting = waitingMost
	_, err := g.Try(t.Context(), "vera", "a", wrong)
	if r, ok := refused(err); !ok || !r.Busy {
		t.Errorf("got %v", err)
	}
	g.waiting = 0
	g.waits[keyOf("address", "a")] = waitingOfOne
	_, err = g.Try(t.Context(), "vera", "a", wrong)
	if r, ok := refused(err); !ok || !r.Busy {
		t.Errorf("got %v", err)
	}
	if ok, err := g.Try(t.Context(), "olga", "b", right); !ok || err != nil {
		t.Errorf("from another address: %t, %v", ok, err)
	}
}

func TestWhatIsHeldIsBounded(t *testing.T) {
	t.Parallel()
	var c clock
	g := New(c.now)
	for n := range knownMost {
		g.known[keyOf(fmt.Sprint(n))] = c.now()
	}
	for n := range countersMost {
		c.passes(time.Millisecond)
		_, _ = g.Try(t.Context(), fmt.Sprint("name-", n), address(n), func() bool { return n%1000 == 0 })
	}
	if len(g.counters) > countersMost || len(g.known) > knownMost || len(g.waits) > 0 || g.waiting > 0 {
		t.Errorf("%d counters, %d known, %d waits, %d waiting", len(g.counters), len(g.known), len(g.waits), g.waiting)
	}
}
