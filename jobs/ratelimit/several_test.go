package ratelimit_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/ratelimit"
)

// every is a policy for each algorithm, of so many calls in an hour.
func every(rates ...int64) []ratelimit.Policy {
	var policies []ratelimit.Policy
	for i, rate := range rates {
		policies = append(policies, ratelimit.Policy{
			Name:  []string{"log", "counter", "fixed", "gcra"}[i],
			Limit: ratelimit.Limit{Algorithm: ratelimit.Algorithm(i), Rate: rate, Window: 24 * time.Hour},
		})
	}
	return policies
}

func newSeveral(t *testing.T, rdb redis.UniversalClient, policies ...ratelimit.Policy) *ratelimit.Several {
	t.Helper()
	several, err := ratelimit.NewSeveral(rdb, ratelimit.Options{Timeout: 10 * time.Second}, policies...)
	if err != nil {
		t.Fatal(err)
	}
	return several
}

// remaining is what is left under each limit.
func remaining(t *testing.T, several *ratelimit.Several, key string) (left []int64) {
	t.Helper()
	decision, err := several.Peek(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range decision.Results {
		left = append(left, result.Remaining)
	}
	return left
}

// What one limit refuses costs nothing under the others, whichever comes first.
func TestSeveralLimitsAreTakenFromTogether(t *testing.T) {
	t.Parallel()
	for tight := range 4 {
		rates := []int64{10, 10, 10, 10}
		rates[tight] = 3
		several, key := newSeveral(t, redistest.Shared(t).Client(t), every(rates...)...), redistest.Namespace()
		for i := range 6 {
			decision, err := several.Allow(t.Context(), key)
			if err != nil || decision.Allowed != (i < 3) || len(decision.Results) != 4 ||
				(decision.RetryAfter > 0) != (i >= 3) {
				t.Fatalf("tight %d, call %d: %+v, %v", tight, i, decision, err)
			}
		}
		for i, left := range remaining(t, several, key) {
			if left != rates[i]-3 {
				t.Errorf("tight %d: %d left under limit %d, want %d", tight, left, i, rates[i]-3)
			}
		}
		if decision, err := several.AllowN(t.Context(), key, 2); err != nil || decision.Allowed {
			t.Errorf("two at once: %+v, %v", decision, err)
		}
		if err := several.Reset(t.Context(), key); err != nil {
			t.Error(err)
		}
		if decision, err := several.AllowN(t.Context(), key, 3); err != nil || !decision.Allowed {
			t.Errorf("after Reset: %+v, %v", decision, err)
		}
	}
}

func TestSeveralLimitsHoldForAllAtOnce(t *testing.T) {
	t.Parallel()
	several, key := newSeveral(t, redistest.Shared(t).Client(t), every(40, 50, 60, 30)...), redistest.Namespace()
	var allowed atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 5 {
				if decision, err := several.Allow(t.Context(), key); err == nil && decision.Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if allowed.Load() != 30 {
		t.Errorf("%d calls were allowed, want 30", allowed.Load())
	}
	for i, left := range remaining(t, several, key) {
		if want := []int64{10, 20, 30, 0}[i]; left != want {
			t.Errorf("limit %d: %d left, want %d", i, left, want)
		}
	}
}

func TestSeveralLimitsOnACluster(t *testing.T) {
	t.Parallel()
	rdb, _ := redistest.NewCluster(t)
	several := newSeveral(t, rdb, every(3, 3, 3, 3)...)
	for _, key := range []string{"a", "b", "{tag}c", "d{tag}e"} {
		if decision, err := several.Allow(t.Context(), key); err != nil || !decision.Allowed {
			t.Errorf("%s: %+v, %v", key, decision, err)
		}
	}
}

func TestSeveralLimitsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	good := ratelimit.Limit{Rate: 1}
	for name, policies := range map[string][]ratelimit.Policy{
		"none": nil, "no name": {{"", good}}, "a brace": {{"a}", good}}, "upper case": {{"A", good}},
		"long": {{strings.Repeat("a", 65), good}}, "twice": {{"a", good}, {"a", good}}, "no rate": {{"a", ratelimit.Limit{}}},
		"many": make([]ratelimit.Policy, ratelimit.MaxPolicies+1),
	} {
		if _, err := ratelimit.NewSeveral(rdb, ratelimit.Options{}, policies...); !errors.Is(err, ratelimit.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	several := newSeveral(t, rdb, every(3, 5)...)
	for _, key := range []string{"", "a}b", strings.Repeat("k", ratelimit.MaxKey)} {
		if _, err := several.Allow(t.Context(), key); !errors.Is(err, ratelimit.ErrInvalid) {
			t.Errorf("key %.10q: %v", key, err)
		}
	}
	for _, n := range []int64{-1, 4} {
		if _, err := several.AllowN(t.Context(), "k", n); !errors.Is(err, ratelimit.ErrInvalid) {
			t.Errorf("%d calls: %v", n, err)
		}
	}
}

func TestMiddlewareOfSeveralLimits(t *testing.T) {
	t.Parallel()
	policies := []ratelimit.Policy{
		{Name: "burst", Limit: ratelimit.Limit{Rate: 2, Window: time.Minute}},
		{Name: "day", Limit: ratelimit.Limit{Algorithm: ratelimit.GCRA, Rate: 1 << 51, Window: 24 * time.Hour, Burst: 9}},
	}
	key := redistest.Namespace()
	handler := ratelimit.MiddlewareSeveral(newSeveral(t, redistest.Shared(t).Client(t), policies...), ratelimit.HTTP{
		Key: func(*http.Request) string { return key },
	})(http.NotFoundHandler())
	for i := range 4 {
		w := get(handler, "")
		policy := strings.Join(w.Header().Values("RateLimit-Policy"), ", ")
		if policy != `"burst";q=2;w=60, "day";q=999999999999999;w=86400` {
			t.Errorf("RateLimit-Policy: %s", policy)
		}
		if limits := w.Header().Values("RateLimit"); len(limits) != 2 || !strings.HasPrefix(limits[0], `"burst";r=`) {
			t.Errorf("RateLimit: %q", limits)
		}
		if refused := i >= 2; refused != (w.Code == http.StatusTooManyRequests) ||
			refused != (w.Header().Get("Retry-After") != "") || w.Header().Get("X-RateLimit-Limit") != "2" {
			t.Errorf("request %d: %d %v", i, w.Code, w.Header())
		}
	}
}

func TestSeveralLimitsWithoutRedis(t *testing.T) {
	t.Parallel()
	for _, open := range []bool{false, true} {
		rdb := redistest.Shared(t).Client(t)
		_ = rdb.Close()
		several, err := ratelimit.NewSeveral(rdb, ratelimit.Options{FailOpen: open}, every(3, 3)...)
		if err != nil {
			t.Fatal(err)
		}
		decision, err := several.Allow(t.Context(), "k")
		if decision.Allowed != open || decision.Degraded != open || errors.Is(err, ratelimit.ErrUnavailable) == open {
			t.Errorf("fail open %t: %+v, %v", open, decision, err)
		}
		w := get(ratelimit.MiddlewareSeveral(several, ratelimit.HTTP{})(http.NotFoundHandler()), "")
		if open != (w.Code == http.StatusNotFound) || w.Header().Get("RateLimit") != "" {
			t.Errorf("fail open %t: %d %v", open, w.Code, w.Header())
		}
	}
}

func TestClientIPBehindProxies(t *testing.T) {
	t.Parallel()
	of := ratelimit.ClientIPBehind(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ff::/48"),
		netip.MustParsePrefix("::ffff:192.168.0.0/112"))
	for _, test := range []struct {
		remote string
		said   []string
		want   string
	}{
		{"203.0.113.9:1", nil, "203.0.113.9"},
		{"203.0.113.9:1", []string{"198.51.100.1"}, "203.0.113.9"}, // no proxy of ours says so
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1"}, // the first is a lie
		{"10.0.0.1:1", []string{"1.1.1.1, 198.51.100.1, 10.9.9.9"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"1.1.1.1", "198.51.100.1 , 10.9.9.9"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"10.1.1.1, 10.2.2.2"}, "10.1.1.1"}, // a client inside
		{"10.0.0.1:1", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1,"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"[2001:db8:1:2:3::4]:4711"}, "2001:db8:1:2::/64"},
		{"10.0.0.1:1", []string{"[2001:db8:1:2:3::4]"}, "2001:db8:1:2::/64"},
		{"[::ffff:10.0.0.1]:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"[2001:db8:ff::1]:1", []string{"2001:db8:1:2:3::4"}, "2001:db8:1:2::/64"},
		{"192.168.3.4:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"@", []string{"198.51.100.1"}, "@"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = test.remote, test.said
		if got := of(r); got != test.want {
			t.Errorf("%s, %q: got %s, want %s", test.remote, test.said, got, test.want)
		}
	}
}

// RFC 9651, section 3.3.1: an Integer has 15 digits at the most.
func TestHeaderFieldsKeepTheBoundsOfStructuredFields(t *testing.T) {
	t.Parallel()
	limit := ratelimit.Limit{Algorithm: ratelimit.FixedWindow, Rate: 1<<53 - 1, Window: ratelimit.MaxWindow}
	w := get(app(newLimiter(t, redistest.Shared(t).Client(t), limit), "p\x00\u00fc\r\n"), redistest.Namespace())
	if got := w.Header().Get("RateLimit-Policy"); got != `"p";q=999999999999999;w=31622400` {
		t.Errorf("RateLimit-Policy: %s", got)
	}
	if got := w.Header().Get("RateLimit"); !strings.HasPrefix(got, `"p";r=999999999999999;t=`) {
		t.Errorf("RateLimit: %s", got)
	}
	if got := w.Header().Get("X-RateLimit-Remaining"); got != "9007199254740990" {
		t.Errorf("X-RateLimit-Remaining: %s", got)
	}
}
