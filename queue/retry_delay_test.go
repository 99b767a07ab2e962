package queue

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"
)

func TestBackoffGrowsToItsLimitWithJitter(t *testing.T) {
	t.Parallel()
	p := Policy{BackoffMin: time.Second, BackoffMax: time.Minute}
	lowest, middle, highest := func() float64 { return 0 }, func() float64 { return 0.5 },
		func() float64 { return math.Nextafter(1, 0) }
	for n, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		want *= time.Second
		if got := p.delayAfter(n+1, nil, middle); got != want {
			t.Errorf("after attempt %d: %s, want %s", n+1, got, want)
		}
		if got := p.delayAfter(n+1, nil, lowest); got != want*3/4 {
			t.Errorf("after attempt %d: %s at the least, want %s", n+1, got, want*3/4)
		}
		if got := p.delayAfter(n+1, nil, highest); got > want*5/4 || got < want*5/4-time.Microsecond {
			t.Errorf("after attempt %d: %s at the most, want %s", n+1, got, want*5/4)
		}
	}
}

func TestBackoffDoesNotOverflow(t *testing.T) {
	t.Parallel()
	const years = 200 * 365 * 24 * time.Hour
	middle := func() float64 { return 0.5 }
	for _, p := range []Policy{
		{BackoffMin: time.Millisecond, BackoffMax: years},
		{BackoffMin: years, BackoffMax: years},
		Policy{}.withDefaults(),
	} {
		last := time.Duration(0)
		for attempt := 1; attempt < 200; attempt++ {
			got := p.delayAfter(attempt, nil, middle)
			if got < last || got < p.BackoffMin || got > p.BackoffMax {
				t.Fatalf("%s to %s, after attempt %d: %s, before it %s", p.BackoffMin, p.BackoffMax, attempt, got, last)
			}
			last = got
		}
		if got := p.delayAfter(math.MaxInt, nil, middle); got != last || got != p.BackoffMax {
			t.Errorf("%s to %s, in the end: %s", p.BackoffMin, p.BackoffMax, got)
		}
	}
}

func TestErrorsAndFunctionsGoBeforeTheBackoff(t *testing.T) {
	t.Parallel()
	cause := errors.New("busy")
	p := Policy{BackoffMin: time.Second, BackoffMax: time.Second, backoff: func(attempt int, err error) time.Duration {
		if !errors.Is(err, cause) {
			t.Errorf("told %v", err)
		}
		return time.Duration(attempt-2) * time.Minute
	}}
	none := func() float64 { t.Error("no jitter was asked for"); return 0 }
	if got := p.delayAfter(5, cause, none); got != 3*time.Minute {
		t.Errorf("a kind's function: %s", got)
	}
	if got := p.delayAfter(1, cause, none); got != 0 {
		t.Errorf("a function's negative delay: %s", got)
	}
	if got := p.delayAfter(5, fmt.Errorf("wrapped: %w", RetryIn(time.Hour, cause)), none); got != time.Hour {
		t.Errorf("RetryIn: %s", got)
	}
	if got := p.delayAfter(5, RetryIn(-time.Hour, cause), none); got != 0 {
		t.Errorf("a negative RetryIn: %s", got)
	}
}
