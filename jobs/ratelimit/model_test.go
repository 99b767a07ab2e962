package ratelimit_test

import (
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/ratelimit"
)

// model says, from the definition of an algorithm and all the calls so far, whether n calls may be taken at a time.
type model func(limit ratelimit.Limit, calls []int64, n, us int64) bool

func inLog(limit ratelimit.Limit, calls []int64, n, us int64) bool {
	for _, call := range calls {
		if us-call < limit.Window.Microseconds() {
			n++
		}
	}
	return n <= limit.Rate
}

func inWindow(limit ratelimit.Limit, calls []int64, n, us int64) bool {
	window := limit.Window.Microseconds()
	for _, call := range calls {
		if call/window == us/window {
			n++
		}
	}
	return n <= limit.Rate
}

func inCounter(limit ratelimit.Limit, calls []int64, n, us int64) bool {
	window := limit.Window.Microseconds()
	previous := int64(0)
	for _, call := range calls {
		switch call / window {
		case us / window:
			n++
		case us/window - 1:
			previous++
		}
	}
	weighted := big.NewRat(previous*(window-us%window), window)
	return weighted.Add(weighted, big.NewRat(n, 1)).Cmp(big.NewRat(limit.Rate, 1)) <= 0
}

func inBucket(limit ratelimit.Limit, calls []int64, n, us int64) bool {
	interval := big.NewRat(limit.Window.Microseconds(), limit.Rate)
	empty := new(big.Rat)
	pour := func(n, us int64) {
		if now := big.NewRat(us, 1); empty.Cmp(now) < 0 {
			empty.Set(now)
		}
		empty.Add(empty, new(big.Rat).Mul(interval, big.NewRat(n, 1)))
	}
	for _, call := range calls {
		pour(1, call)
	}
	pour(n, us)
	full := new(big.Rat).Mul(interval, big.NewRat(limit.Burst, 1))
	return empty.Cmp(full.Add(full, big.NewRat(us, 1))) <= 0
}

// TestScriptsDoWhatTheAlgorithmsSay takes calls at random moments of a clock of its own, and compares each outcome with
// the definition. The scripts run on a real Redis; only what they take for the time is the test's.
func TestScriptsDoWhatTheAlgorithmsSay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		limit ratelimit.Limit
		may   model
	}{
		"log":               {ratelimit.Limit{Rate: 5, Window: time.Minute}, inLog},
		"log of one":        {ratelimit.Limit{Rate: 1, Window: time.Minute}, inLog},
		"counter":           {ratelimit.Limit{Algorithm: ratelimit.SlidingCounter, Rate: 7, Window: time.Minute}, inCounter},
		"fixed":             {ratelimit.Limit{Algorithm: ratelimit.FixedWindow, Rate: 5, Window: time.Minute}, inWindow},
		"bucket":            {ratelimit.Limit{Algorithm: ratelimit.GCRA, Rate: 7, Window: time.Minute}, inBucket},
		"bucket of one":     {ratelimit.Limit{Algorithm: ratelimit.GCRA, Rate: 7, Window: time.Minute, Burst: 1}, inBucket},
		"bucket, no thirds": {ratelimit.Limit{Algorithm: ratelimit.GCRA, Rate: 6, Window: time.Minute, Burst: 9}, inBucket},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limiter, err := ratelimit.New(redistest.Shared(t).Client(t), test.limit, ratelimit.Options{Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			compare(t, limiter, test.may)
		})
	}
}

func compare(t *testing.T, limiter *ratelimit.Limiter, may model) {
	t.Helper()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	key, limit := redistest.Namespace(), limiter.Limit()
	us, calls := time.Now().UnixMicro(), []int64(nil)
	most, refused := max(limit.Rate, limit.Burst), 0
	if limit.Burst > 0 {
		most = limit.Burst
	}
	ask := func(n, us int64) ratelimit.Result {
		t.Helper()
		result, err := limiter.AskAt(t.Context(), key, n, us)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	for step := range 250 {
		us += random.Int64N(limit.Window.Microseconds() / limit.Rate)
		n := 1 + random.Int64N(min(most, 3))
		result := ask(n, us)
		if want := may(limit, calls, n, us); result.Allowed != want {
			t.Fatalf("seed %d, step %d: %d calls allowed: %t, want %t", seed, step, n, result.Allowed, want)
		}
		if result.Allowed {
			for range n {
				calls = append(calls, us)
			}
		} else {
			refused++
			later := us + result.RetryAfter.Microseconds()
			if !may(limit, calls, n, later) || may(limit, calls, n, later-1) {
				t.Fatalf("seed %d, step %d: %d calls not allowed from just %s on", seed, step, n, result.RetryAfter)
			}
		}
		look(t, limit, may, calls, us, most, result, ask)
		if step%10 == 9 && !result.Allowed && random.IntN(2) == 0 { // come back at the very moment
			us += result.RetryAfter.Microseconds()
		}
	}
	if refused == 0 || len(calls) == 0 {
		t.Errorf("seed %d: %d calls, %d refusals: nothing was tested", seed, len(calls), refused)
	}
}

// look checks what a result says of the future, against the definition and against the script itself.
func look(t *testing.T, limit ratelimit.Limit, may model, calls []int64, us, most int64, result ratelimit.Result,
	ask func(n, us int64) ratelimit.Result,
) {
	t.Helper()
	if r := result.Remaining; r > 0 && !may(limit, calls, r, us) || r < most && may(limit, calls, r+1, us) {
		t.Errorf("%d remaining of %d at %d", result.Remaining, most, us)
	}
	if !result.At.Equal(time.UnixMicro(us)) {
		t.Errorf("decided at %s, want %s", result.At, time.UnixMicro(us))
	}
	if reset := result.ResetAfter.Microseconds(); !may(limit, calls, most, us+reset) {
		t.Errorf("%d calls not allowed after %s", most, result.ResetAfter)
	}
	peek := ask(0, us)
	if peek.Allowed != (peek.Remaining > 0) || peek.Remaining != result.Remaining {
		t.Errorf("a look says %+v after %+v", peek, result)
	}
	if peek.Allowed || limit.Algorithm == ratelimit.FixedWindow {
		return // the next window's key is another
	}
	later := us + peek.RetryAfter.Microseconds()
	if !ask(0, later).Allowed || ask(0, later-1).Allowed {
		t.Errorf("a look says %s, and the script another time", peek.RetryAfter)
	}
}

// TestCallsOfOneMicrosecondAllCount asks at one moment again and again, as the clock of a fast Redis may let two calls
// do.
func TestCallsOfOneMicrosecondAllCount(t *testing.T) {
	t.Parallel()
	rdb, us := redistest.Shared(t).Client(t), time.Now().UnixMicro()
	for name, limit := range limits {
		limiter, key := newLimiter(t, rdb, limit), redistest.Namespace()
		for i, n := range []int64{1, 3, 1, 2, 3, 1} {
			result, err := limiter.AskAt(t.Context(), key, n, us)
			if err != nil {
				t.Fatal(err)
			}
			if want := i < 5; result.Allowed != want {
				t.Errorf("%s: call %d of %d: got %+v, want allowed %t", name, i, n, result, want)
			}
		}
	}
}
