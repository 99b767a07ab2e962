package pace

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func newPace() *Pace { return &Pace{Every: 100 * time.Millisecond, Ahead: 5, Most: time.Second} }

// A caller's requests are let through at the pace, others' meanwhile, and what would wait long is refused.
func TestCallersKeepThePace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace()
		began := time.Now()
		for n := range 20 {
			if err := p.Wait(t.Context(), "mallet"); err != nil {
				t.Fatal(err)
			}
			if got, want := time.Since(began), time.Duration(max(n-5, 0))*p.Every; got != want {
				t.Errorf("request %d came through after %v, want %v", n, got, want)
			}
			if p.Wait(t.Context(), fmt.Sprint("other ", n)) != nil || time.Since(began) != time.Duration(max(n-5, 0))*p.Every {
				t.Error("another caller waited")
			}
		}
		refused := make(chan error, 30)
		for range cap(refused) {
			go func() { refused <- p.Wait(t.Context(), "mallet") }()
		}
		count := 0
		for range cap(refused) {
			if errors.Is(<-refused, ErrTooFast) {
				count++
			}
		}
		if want := cap(refused) - int(p.Most/p.Every); count != want {
			t.Errorf("%d are refused, want %d", count, want)
		}
	})
}

// However much a caller was charged, its next request is not refused; and nobody stays in memory for long.
func TestCharges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace()
		p.Charge("vera", 4)
		began := time.Now()
		if err := p.Wait(t.Context(), "vera"); err != nil || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		for _, much := range []int64{7, 1000, math.MaxInt64} {
			p.Charge("mallet", much)
			began = time.Now()
			if err := p.Wait(t.Context(), "mallet"); err != nil || time.Since(began) == 0 {
				t.Errorf("charged %d: %v after %v", much, err, time.Since(began))
			}
		}
		<-time.After(time.Minute)
		if p.Wait(t.Context(), "vera"); len(p.due) != 1 {
			t.Errorf("%d callers are in memory", len(p.due))
		}
	})
}

func TestNoPace(t *testing.T) {
	t.Parallel()
	p := new(Pace)
	for range 1000 {
		p.Charge("vera", math.MaxInt64)
		if err := p.Wait(t.Context(), "vera"); err != nil {
			t.Fatal(err)
		}
	}
}
