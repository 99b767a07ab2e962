package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/ratelimit"
)

// limits are longer than any test.
var limits = map[string]ratelimit.Limit{
	"log":     {Rate: 10, Window: time.Hour},
	"counter": {Algorithm: ratelimit.SlidingCounter, Rate: 10, Window: time.Hour},
	"fixed":   {Algorithm: ratelimit.FixedWindow, Rate: 10, Window: 24 * time.Hour},
	"bucket":  {Algorithm: ratelimit.GCRA, Rate: 10, Window: time.Hour},
}

// newLimiter returns a limiter that waits as long as it takes on a busy machine.
func newLimiter(t *testing.T, rdb redis.UniversalClient, limit ratelimit.Limit) *ratelimit.Limiter {
	t.Helper()
	limiter, err := ratelimit.New(rdb, limit, ratelimit.Options{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return limiter
}

// take takes n calls, and fails the test if it gets an error.
func take(t *testing.T, limiter *ratelimit.Limiter, key string, n int64) ratelimit.Result {
	t.Helper()
	result, err := limiter.AllowN(t.Context(), key, n)
	if err != nil {
		t.Fatalf("AllowN(%q, %d): %v", key, n, err)
	}
	return result
}

func TestEveryAlgorithmTakesLooksAndForgets(t *testing.T) {
	t.Parallel()
	for name, limit := range limits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limiter, key := newLimiter(t, redistest.Shared(t).Client(t), limit), redistest.Namespace()
			exercise(t, limiter, key)
		})
	}
}

// exercise takes 10 calls of 10 in several ways.
func exercise(t *testing.T, limiter *ratelimit.Limiter, key string) {
	t.Helper()
	expect := func(what string, got ratelimit.Result, allowed bool, remaining int64) {
		t.Helper()
		if got.Allowed != allowed || got.Remaining != remaining || got.Limit != 10 {
			t.Errorf("%s: got %+v, want allowed %t, %d remaining of 10", what, got, allowed, remaining)
		}
		if waits := got.RetryAfter > 0; waits == allowed {
			t.Errorf("%s: retry after %s", what, got.RetryAfter)
		}
	}
	if fresh := take(t, limiter, key, 0); fresh.ResetAfter != 0 {
		t.Errorf("a fresh key is reset after %s", fresh.ResetAfter)
	}
	expect("a look at a fresh key", take(t, limiter, key, 0), true, 10)
	expect("four calls", take(t, limiter, key, 4), true, 6)
	expect("too many calls", take(t, limiter, key, 7), false, 6)
	expect("as many as are left", take(t, limiter, key, 6), true, 0)
	for range 3 {
		expect("one more", take(t, limiter, key, 1), false, 0)
	}
	expect("a look", take(t, limiter, key, 0), false, 0)
	expect("another key", take(t, limiter, key+"-other", 1), true, 9)
	if err := limiter.Reset(t.Context(), key); err != nil {
		t.Errorf("Reset: %v", err)
	}
	expect("after the reset", take(t, limiter, key, 10), true, 0)
	want := ratelimit.Stats{Allowed: 4, Refused: 4}
	if got := limiter.Stats(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A cluster of one node is as strict about undeclared keys as one of a hundred.
func TestEveryAlgorithmWorksOnACluster(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--cluster-enabled", "yes")
	node := server.Client(t)
	if err := node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:ok") {
	}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr}, ContextTimeoutEnabled: true})
	defer rdb.Close()
	for name, limit := range limits {
		t.Run(name, func(t *testing.T) { exercise(t, newLimiter(t, rdb, limit), "user-1") })
	}
}

func TestBadInputIsInvalid(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	for _, limit := range []ratelimit.Limit{
		{},
		{Window: time.Second},
		{Rate: -1, Window: time.Second},
		{Rate: 1, Window: -time.Second},
		{Rate: 1, Window: time.Millisecond + 1},
		{Rate: 1, Window: time.Microsecond},
		{Rate: 1, Window: ratelimit.MaxWindow + time.Second},
		{Rate: ratelimit.MaxLog + 1, Window: time.Second},
		{Rate: 1, Window: time.Second, Burst: 1},
		{Rate: 1, Window: 1500 * time.Millisecond, Algorithm: ratelimit.FixedWindow},
		{Rate: 1, Window: time.Second, Algorithm: ratelimit.GCRA, Burst: -1},
		{Rate: 1, Window: 24 * time.Hour, Algorithm: ratelimit.GCRA, Burst: 1 << 40},
		{Rate: 1, Window: time.Second, Algorithm: 4},
		{Rate: 1, Window: time.Second, Algorithm: -1},
	} {
		if _, err := ratelimit.New(rdb, limit, ratelimit.Options{}); !errors.Is(err, ratelimit.ErrInvalid) {
			t.Errorf("%+v: got %v, want ErrInvalid", limit, err)
		}
	}
	limit := ratelimit.Limit{Rate: 5, Window: time.Second}
	if _, err := ratelimit.New(rdb, limit, ratelimit.Options{Timeout: -1}); !errors.Is(err, ratelimit.ErrInvalid) {
		t.Errorf("a negative timeout: got %v, want ErrInvalid", err)
	}
	limiter, err := ratelimit.New(rdb, limit, ratelimit.Options{FailOpen: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range []struct {
		key string
		n   int64
	}{{"", 1}, {strings.Repeat("k", ratelimit.MaxKey+1), 1}, {"k", -1}, {"k", 6}} {
		if _, err := limiter.AllowN(t.Context(), call.key, call.n); !errors.Is(err, ratelimit.ErrInvalid) {
			t.Errorf("%d calls of a key of %d bytes: got %v, want ErrInvalid", call.n, len(call.key), err)
		}
	}
	if err := limiter.Reset(t.Context(), ""); !errors.Is(err, ratelimit.ErrInvalid) {
		t.Errorf("reset of no key: got %v, want ErrInvalid", err)
	}
}

func TestKeysAreSharedWithOtherPrograms(t *testing.T) {
	t.Parallel()
	rdb, id := redistest.Shared(t).Client(t), redistest.Namespace()
	ctx, limiter := t.Context(), newLimiter(t, redistest.Shared(t).Client(t), limits["log"])
	take(t, limiter, id, 3)
	key := "rate_limit:" + id
	for i, row := range rdb.ZRangeWithScores(ctx, key, 0, -1).Val() {
		seconds := time.Since(time.UnixMicro(int64(row.Score * 1e6))).Seconds()
		if member := row.Member.(string); seconds < 0 || seconds > 60 || !strings.HasSuffix(member, "-"+strconv.Itoa(i+1)) {
			t.Errorf("%q has the score %f, which is %f s ago", member, row.Score, seconds)
		}
	}
	if ttl := rdb.PTTL(ctx, key).Val(); ttl < 59*time.Minute || ttl > time.Hour+time.Second {
		t.Errorf("%s lives for %s, want one window", key, ttl)
	}
	// What such a program writes: str(time.time()), finer than a microsecond; one of two hours ago.
	now := float64(time.Now().UnixNano()) / 1e9
	for _, at := range []float64{now, now - 7200, now - 1.0000003} {
		rdb.ZAdd(ctx, key, redis.Z{Score: at, Member: fmt.Sprintf("%.7f", at)})
	}
	if got := take(t, limiter, id, 1); got.Remaining != 4 {
		t.Errorf("after three calls of ours, two of others and one more, %d remain, want 4", got.Remaining)
	}
	if n := rdb.ZCard(ctx, key).Val(); n != 6 {
		t.Errorf("%d members, want 6: the old one is to go", n)
	}

	fixed := newLimiter(t, rdb, limits["fixed"])
	take(t, fixed, id, 3)
	key = fmt.Sprintf("fw:%s:%d", id, time.Now().Unix()/(24*60*60))
	if n := rdb.Incr(ctx, key).Val(); n != 4 {
		t.Errorf("INCR %s: %d, want 4", key, n)
	}
	if ttl := rdb.PTTL(ctx, key).Val(); ttl <= 0 || ttl > 24*time.Hour+time.Second {
		t.Errorf("%s lives for %s, want to the end of its window", key, ttl)
	}
	if got := take(t, fixed, id, 1); got.Remaining != 5 {
		t.Errorf("after four calls and one more, %d remain, want 5", got.Remaining)
	}
}

func TestRefusedCallsWriteNothing(t *testing.T) {
	t.Parallel()
	for name, limit := range limits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.New(t)
			rdb := server.Client(t)
			limiter := newLimiter(t, rdb, limit)
			take(t, limiter, "k", 10)
			before := rdb.Info(t.Context(), "persistence").Val()
			for range 20 {
				if take(t, limiter, "k", 1).Allowed {
					t.Fatal("an eleventh call was allowed")
				}
			}
			after := rdb.Info(t.Context(), "persistence").Val()
			if changes(before) != changes(after) || changes(after) == "" {
				t.Errorf("before: %s, after: %s", changes(before), changes(after))
			}
		})
	}
}

// changes is what Redis says of its writes since it was last saved.
func changes(info string) string {
	for line := range strings.Lines(info) {
		if strings.HasPrefix(line, "rdb_changes_since_last_save:") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func TestAWrongClockNamesTheRightWindow(t *testing.T) {
	t.Parallel()
	limiter, key := newLimiter(t, redistest.Shared(t).Client(t), limits["fixed"]), redistest.Namespace()
	for i, ahead := range []time.Duration{0, 100 * 24 * time.Hour, -100 * 24 * time.Hour} {
		limiter.SetAhead(ahead.Microseconds())
		if got, want := take(t, limiter, key, 1), int64(9-i); !got.Allowed || got.Remaining != want {
			t.Errorf("%s wrong: got %+v, want %d remaining", ahead, got, want)
		}
	}
}

func TestManyCallersGetJustTheLimit(t *testing.T) {
	t.Parallel()
	for name, limit := range limits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limiter, key := newLimiter(t, redistest.Shared(t).Client(t), limit), redistest.Namespace()
			var wg sync.WaitGroup
			for range 64 {
				wg.Go(func() { _, _ = limiter.AllowN(context.Background(), key, 1) })
			}
			wg.Wait()
			if got, want := limiter.Stats(), (ratelimit.Stats{Allowed: 10, Refused: 54}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}
