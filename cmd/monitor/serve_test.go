package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

func TestMain(m *testing.M) {
	logging.Disable()
	code := redistest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func newInspector(t *testing.T, rdb redis.UniversalClient, namespace string) *inspect.Inspector {
	t.Helper()
	inspector, err := inspect.New(rdb, inspect.Config{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	return inspector
}

// enqueue puts n jobs on a queue.
func enqueue(t *testing.T, rdb redis.UniversalClient, namespace, name string, n int, options ...queue.EnqueueOption) {
	t.Helper()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range n {
		if _, err := client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)),
			append(options, queue.On(name))...); err != nil {
			t.Fatal(err)
		}
	}
}

// bury makes one job of a queue dead with an error that is full of HTML.
func bury(t *testing.T, rdb redis.UniversalClient, namespace, name string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	mux := queue.NewMux()
	mux.HandleKind("k", func(context.Context, *queue.Run) error {
		return queue.Cancel(errors.New(`<script>alert("x")</script>`))
	})
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Namespace: namespace, Queues: map[string]queue.QueueConfig{name: {}},
		Observer: queue.ObserverFunc(func(e queue.Event) {
			if e.Type == queue.EventDead {
				cancel()
			}
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func get(t *testing.T, handler http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, nil))
	return recorder
}

// open serves everything to everybody.
func open(t *testing.T, rdb redis.UniversalClient, namespace string, auth dashboard.Auth) http.Handler {
	t.Helper()
	board, err := dashboard.New(dashboard.Config{
		Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}, Pages: featurePages(rdb, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = board.Close() })
	return newHandler(newInspector(t, rdb, namespace), rdb, board, auth, zerolog.Nop())
}

func TestServe(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", 2)
	handler := open(t, rdb, namespace, nil)
	for path, test := range map[string]struct {
		status int
		holds  string
	}{
		"/":        {200, "orders"},
		"/healthz": {200, "ok"},
		"/readyz":  {200, "ok"},
		"/metrics": {200, `navvy_queue_jobs{queue="orders",state="waiting"} 2`},
		"/nope":    {404, "not found"},

		"/flags": {200, "No flag yet."}, "/api/v1/flags": {200, `"flags":`},
		"/leaderboards": {200, "keys of any kind"}, "/analytics": {200, "Nothing was counted"},
	} {
		got := get(t, handler, path)
		if got.Code != test.status || !strings.Contains(got.Body.String(), test.holds) {
			t.Errorf("%s: %d\n%s\nwant %d and %q", path, got.Code, got.Body, test.status, test.holds)
		}
	}
}

// The pages of features work on a cluster, too.
func TestFeaturePagesOnACluster(t *testing.T) {
	t.Parallel()
	rdb, _ := redistest.NewCluster(t)
	for _, board := range []string{"a", "b", "c", "d", "e", "f"} { // on both masters
		if err := rdb.ZAdd(t.Context(), "leaderboard:"+board, redis.Z{Score: 1, Member: "m"}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	handler := open(t, rdb, queue.DefaultNamespace, nil)
	for _, path := range []string{"/flags", "/leaderboards", "/analytics"} {
		got := get(t, handler, path)
		if got.Code != http.StatusOK {
			t.Errorf("%s: %d\n%s", path, got.Code, got.Body)
		}
		if path == "/leaderboards" && strings.Count(got.Body.String(), `<a href="?board=`) != 6 {
			t.Errorf("not every board is listed:\n%s", got.Body)
		}
	}
}

func TestMetricsNeedCredentials(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	handler := open(t, rdb, redistest.Namespace(), dashboard.AnyOf{})
	if got := get(t, handler, "/metrics"); got.Code != http.StatusUnauthorized {
		t.Errorf("/metrics without credentials: %d", got.Code)
	}
}

func TestWithoutRedis(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr, DialerRetries: 1, MaxRetries: -1})
	defer rdb.Close()
	handler := open(t, rdb, redistest.Namespace(), nil)
	server.Stop()
	for path, test := range map[string]struct {
		status int
		holds  string
	}{
		"/healthz": {200, "ok"},
		"/readyz":  {503, "redis does not answer"},
		"/":        {503, "Redis does not answer"},
		"/metrics": {200, "navvy_up 0"},
	} {
		got := get(t, handler, path)
		if got.Code != test.status || !strings.Contains(got.Body.String(), test.holds) {
			t.Errorf("%s: %d\n%s", path, got.Code, got.Body)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", 1)
	bury(t, rdb, namespace, "orders")
	enqueue(t, rdb, namespace, "orders", 3)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newCollector(newInspector(t, rdb, namespace)))
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	const want = `
# HELP navvy_queue_jobs Jobs in the queue now, by state.
# TYPE navvy_queue_jobs gauge
navvy_queue_jobs{queue="orders",state="cancelled"} 0
navvy_queue_jobs{queue="orders",state="expired"} 0
navvy_queue_jobs{queue="orders",state="dead"} 1
navvy_queue_jobs{queue="orders",state="delayed"} 0
navvy_queue_jobs{queue="orders",state="in_flight"} 0
navvy_queue_jobs{queue="orders",state="retrying"} 0
navvy_queue_jobs{queue="orders",state="waiting"} 3
# HELP navvy_up Whether Redis answered this scrape: 1 if it did, 0 if it did not.
# TYPE navvy_up gauge
navvy_up 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "navvy_queue_jobs", "navvy_up"); err != nil {
		t.Error(err)
	}
	recorder := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(recorder,
		httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", nil))
	for _, line := range []string{
		`navvy_job_runs_total{kind="k",outcome="failed",queue="orders"} 1`,
		`navvy_jobs_dead_total{kind="k",queue="orders"} 1`,
		`navvy_job_run_seconds_bucket{kind="k",queue="orders",le="300"} 1`,
		`navvy_job_wait_seconds_count{kind="k",queue="orders"} 1`,
		`navvy_queue_paused{queue="orders"} 0`,
	} {
		if !strings.Contains(recorder.Body.String(), line+"\n") {
			t.Errorf("no %s in\n%s", line, recorder.Body)
		}
	}
	promtool := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	promtool.Stdin = recorder.Body
	if out, err := promtool.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}
