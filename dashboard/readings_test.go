package dashboard

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestUserWithoutATurnKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	var c cache
	all := newTurns(8, 1)
	if _, ok := all.try("mallet"); !ok {
		t.Fatal("no turn is free")
	}
	load := func(context.Context) (any, error) { return "page", nil }
	later := func() time.Time { return time.Now().Add(time.Hour) } // nothing that is kept is fresh
	refused := make(chan error, 1)
	go func() { refused <- c.getIn(t.Context(), &turn{of: all, user: "mallet"}, "/", later, load).err }()
	got := c.getIn(t.Context(), &turn{of: all, user: "vera"}, "/", time.Now, load)
	if got.err != nil || got.data != "page" {
		t.Errorf("another user got %v, %v", got.data, got.err)
	}
	if err := <-refused; err != errBusy {
		t.Errorf("the user whose turns are taken got %v", err)
	}
	if _, ok := all.try("vera"); !ok {
		t.Error("a turn was not given back")
	}
}

func TestWhatIsReadCountsForThePace(t *testing.T) {
	t.Parallel()
	all := newTurns(8, 4)
	all.every = requestsEvery
	now := time.Now()
	for range requestsAhead { // pages of small jobs
		if late := all.late("vera", now); late > 0 {
			t.Fatalf("a user waits for %s", late)
		}
		all.charge("vera", 50*200, now)
	}
	late := func() time.Duration { return all.late("mallet", now) }
	for range 2 { // pages of large jobs
		if late := late(); late > 0 {
			t.Fatalf("a user waits for %s", late)
		}
		all.charge("mallet", 8<<20, now)
	}
	if got := late(); got <= 0 || got > readsWait {
		t.Errorf("after 16 MiB of jobs, the next waits for %s", got)
	}
	all.charge("mallet", 1<<40, now)
	if got := late(); got > readsWait {
		t.Errorf("however much was read, the next waits for %s", got)
	}
}

func TestUserHasFewRequestsThatWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := newTurns(8, 1)
		if _, ok := all.try("mallet"); !ok {
			t.Fatal("no turn is free")
		}
		refused := make(chan time.Duration, 1000)
		began := time.Now()
		for range cap(refused) {
			go func() {
				if all.wait(t.Context(), "mallet", readsWait) == errBusy {
					refused <- time.Since(began)
				}
			}()
		}
		at, waited := 0, 0
		for range cap(refused) {
			if <-refused == 0 {
				at++
			} else {
				waited++
			}
		}
		if waited != waitsOfOne || at != cap(refused)-waitsOfOne || len(all.waits) > 0 {
			t.Errorf("%d have waited, %d were refused at once; %v wait", waited, at, all.waits)
		}
	})
}
