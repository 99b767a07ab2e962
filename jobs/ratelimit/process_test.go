package ratelimit_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/ratelimit"
)

// A caller in a process of its own: this test binary, started again with its configuration in the environment. It says
// when each call was allowed, by the clock of Redis.

const (
	callerEnv  = "NAVVY_TEST_CALLER"
	processes  = 4
	goroutines = 64
)

type callerConfig struct {
	Addr, Key string
	Limit     ratelimit.Limit
	For       time.Duration
}

// runAsCaller is the process's main; it reports whether this is one.
func runAsCaller() bool {
	text := os.Getenv(callerEnv)
	if text == "" {
		return false
	}
	if err := call(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func call(text string) error {
	var cfg callerConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return err
	}
	rdb := redis.NewClient(&redis.Options{Addr: cfg.Addr, PoolSize: goroutines})
	defer rdb.Close()
	limiter, err := ratelimit.New(rdb, cfg.Limit, ratelimit.Options{Timeout: 20 * time.Second})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), cfg.For)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range goroutines {
		wg.Go(func() {
			for ctx.Err() == nil {
				result, err := limiter.Allow(context.Background(), cfg.Key)
				mu.Lock()
				switch {
				case err != nil:
					fmt.Println(err)
				case result.Allowed:
					fmt.Println(result.At.UnixMicro())
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	fmt.Println("refused", limiter.Stats().Refused)
	return nil
}

// storm lets the processes call as fast as they can, and returns when their calls were allowed, in order, and how many
// were refused.
func storm(t *testing.T, limit ratelimit.Limit, duration time.Duration) (allowed []int64, refused int) {
	t.Helper()
	cfg := callerConfig{Addr: redistest.Shared(t).Addr, Key: redistest.Namespace(), Limit: limit, For: duration}
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range processes {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), callerEnv+"="+string(text))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for lines := bufio.NewScanner(out); lines.Scan(); {
				var n int
				mu.Lock()
				if us, err := strconv.ParseInt(lines.Text(), 10, 64); err == nil {
					allowed = append(allowed, us)
				} else if _, err := fmt.Sscanf(lines.Text(), "refused %d", &n); err == nil {
					refused += n
				} else {
					t.Errorf("a process says %q", lines.Text())
				}
				mu.Unlock()
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("a process ended with %v", err)
			}
		})
	}
	wg.Wait()
	slices.Sort(allowed)
	return allowed, refused
}

// most is the highest number of calls in any window of that length.
func most(calls []int64, window int64) int {
	most, first := 0, 0
	for last, call := range calls {
		for call-calls[first] >= window {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// TestNeverMoreThanTheLimit is the promise of each algorithm, and with it, that refused calls cost nothing: under so
// many refusals, a limit that charged for them would let hardly anybody in.
func TestNeverMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	const rate, window, duration = 50, 250 * time.Millisecond, 1200 * time.Millisecond
	for name, test := range map[string]struct {
		limit ratelimit.Limit
		bound int // calls in any window of that length
	}{
		"log":     {ratelimit.Limit{Rate: rate, Window: window}, rate},
		"counter": {ratelimit.Limit{Algorithm: ratelimit.SlidingCounter, Rate: rate, Window: window}, 2 * rate},
		"fixed":   {ratelimit.Limit{Algorithm: ratelimit.FixedWindow, Rate: rate, Window: 4 * window}, 2 * rate},
		"bucket":  {ratelimit.Limit{Algorithm: ratelimit.GCRA, Rate: rate, Window: window, Burst: 5}, rate + 5},
	} {
		t.Run(name, func(t *testing.T) {
			allowed, refused := storm(t, test.limit, duration)
			if len(allowed) == 0 {
				t.Fatal("no call was allowed")
			}
			length := test.limit.Window.Microseconds()
			got := most(allowed, length)
			took := time.Duration(allowed[len(allowed)-1]-allowed[0]) * time.Microsecond
			t.Logf("%d allowed and %d refused in %s; at most %d in %s", len(allowed), refused, took, got, test.limit.Window)
			if got > test.bound {
				t.Errorf("%d calls in %s, at most %d", got, test.limit.Window, test.bound)
			}
			if test.limit.Algorithm == ratelimit.FixedWindow {
				inEach(t, allowed, test.limit)
			}
			full := int(test.limit.Rate * took.Microseconds() / length)
			if len(allowed) < full/2 { // a busy machine may miss some; a limit that charges for refusals allows hardly any
				t.Errorf("%d calls were allowed in %s, want about %d: refused ones cost something", len(allowed), took, full)
			}
			if refused < len(allowed) { // the rates are low enough for a slow machine to ask for a multiple of them
				t.Errorf("only %d calls were refused: that is no storm", refused)
			}
		})
	}
}

// inEach checks the promise of a fixed window: never more than the limit from one full second to the next.
func inEach(t *testing.T, allowed []int64, limit ratelimit.Limit) {
	t.Helper()
	counts := map[int64]int64{}
	for _, us := range allowed {
		counts[us/limit.Window.Microseconds()]++
	}
	for window, n := range counts {
		if n > limit.Rate {
			t.Errorf("window %d has %d calls, at most %d", window, n, limit.Rate)
		}
	}
}
