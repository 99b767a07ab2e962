package cache_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/navvy-go/navvy/jobs/cache"
	"github.com/navvy-go/navvy/jobs/internal/jobtest"
	"github.com/navvy-go/navvy/queue"
)

func startJobs(t *testing.T, config cache.JobsConfig) (*rig, *jobtest.Fleet) {
	t.Helper()
	r := sharedRig(t)
	mux := queue.NewMux()
	cache.NewJobs(r.Cache, config).Register(mux)
	return r, jobtest.Start(t, r.rdb, mux, nil)
}

func ended(t *testing.T, f *jobtest.Fleet, args queue.Args, want queue.EventType) {
	t.Helper()
	if e := f.Run(t, args); e.Type != want {
		t.Errorf("%s %+v ended as %s: %v", args.Kind(), args, e.Type, e.Err)
	}
}

func TestWarmRefreshInvalidate(t *testing.T) {
	t.Parallel()
	var loads atomic.Int64
	r, fleet := startJobs(t, cache.JobsConfig{Loaders: map[string]cache.Loader{
		"profiles": {Load: func(_ context.Context, key string) (any, error) {
			if strings.HasSuffix(key, "nobody") {
				return nil, cache.ErrNotFound
			}
			return map[string]any{"loads": loads.Add(1)}, nil
		}},
	}})
	a, b := r.ns+"a", r.ns+"b"
	raw := func(key string) string { return r.rdb.Get(t.Context(), key).Val() }
	ended(t, fleet, cache.Warm{Loader: "profiles", Keys: []string{a, b, a, r.ns + "nobody"}}, queue.EventDone)
	if raw(a) != `{"loads":1}` || raw(b) != `{"loads":2}` {
		t.Errorf("warmed: %s %s", raw(a), raw(b))
	}
	ended(t, fleet, cache.Refresh{Loader: "profiles", Key: a}, queue.EventDone)
	if raw(a) != `{"loads":3}` {
		t.Errorf("refreshed: %s", raw(a))
	}
	must(t, r.Set(t.Context(), r.ns+"tagged", 1, cache.Tags(r.ns+"t")))
	ended(t, fleet, cache.Invalidate{Keys: []string{a}, Tags: []string{r.ns + "t"}, Prefix: r.ns + "b"}, queue.EventDone)
	if n := r.rdb.Exists(t.Context(), a, b, r.ns+"tagged").Val(); n != 0 {
		t.Errorf("%d entries are left", n)
	}
	ended(t, fleet, cache.Refresh{Loader: "other", Key: a}, queue.EventDead)
	ended(t, fleet, cache.Warm{Loader: "profiles", Keys: []string{""}}, queue.EventDead)
	ended(t, fleet, cache.Warm{Keys: make([]string, 1001)}, queue.EventDead)
	ended(t, fleet, cache.Invalidate{Tags: []string{""}}, queue.EventDead)
}

func TestOnlyConfiguredHostsAreWarmed(t *testing.T) {
	t.Parallel()
	var got, secret atomic.Int64
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { secret.Add(1) }))
	t.Cleanup(inner.Close)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.Add(1)
		if r.URL.Path == "/away" {
			http.Redirect(w, r, inner.URL, http.StatusFound)
		}
	}))
	t.Cleanup(front.Close)
	address, err := url.Parse(front.URL)
	must(t, err)
	_, fleet := startJobs(t, cache.JobsConfig{Hosts: []string{address.Host}})
	ended(t, fleet, cache.Warm{URLs: []string{front.URL + "/a", front.URL + "/b"}}, queue.EventDone)
	if got.Load() != 2 {
		t.Errorf("%d pages were warmed, want 2", got.Load())
	}
	for _, u := range []string{
		inner.URL, front.URL + "/away", "file:///etc/passwd", "http://u:p@" + address.Host,
		"http://" + address.Hostname() + ":1/",
		"//" + address.Host, "http://169.254.169.254/", "%", "http://" + address.Host + ".evil.example/",
	} {
		ended(t, fleet, cache.Warm{URLs: []string{u}}, queue.EventDead)
	}
	if secret.Load() != 0 {
		t.Error("a job reached a host that is not configured")
	}
}
