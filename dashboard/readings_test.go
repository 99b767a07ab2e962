package dashboard

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/navvy-go/navvy/internal/pace"
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
	synctest.Test(t, func(t *testing.T) {
		of := func(user string) *turn {
			return &turn{pace: &pace.Pace{Every: requestsEvery, Ahead: requestsAhead, Most: readsWait}, user: user}
		}
		vera, mallet := of("vera"), of("mallet")
		began := time.Now()
		visit := func(who *turn, bytes int64) {
			t.Helper()
			if err := who.pace.Wait(t.Context(), who.user); err != nil {
				t.Fatal(err)
			}
			who.charge(bytes)
		}
		for range requestsAhead { // pages of small jobs
			visit(vera, 50*200)
		}
		for range 2 { // pages of large jobs
			visit(mallet, 8<<20)
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("they waited for %s", waited)
		}
		if visit(mallet, 1<<40); time.Since(began) == 0 {
			t.Error("after 16 MiB of jobs the next did not wait")
		}
		visit(mallet, 0) // however much was read, it is not refused
	})
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
