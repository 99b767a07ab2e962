package dashboard_test

import (
	"context"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

// An error of Redis or of what lies in it is shown as what it is, a job that is not there as that; and one queue that
// cannot be read does not hide the others.
func TestAnErrorIsNotCalledAnAbsentRedis(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	for _, name := range []string{"orders", "broken"} {
		enqueue(t, rdb, namespace, name, `{}`)
	}
	must(t, rdb.Del(t.Context(), namespace+":{broken}").Err())
	must(t, rdb.Set(t.Context(), namespace+":{broken}", "text", 0).Err())
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	for path, status := range map[string]int{
		"/queues/broken/jobs/j-1":                        http.StatusBadGateway,
		"/queues/orders/jobs/01K9ZJ7Y3T4Q5R6S7T8V9W0X1Y": http.StatusNotFound,
		"/queues/orders/jobs/123":                        http.StatusNotFound, "/": http.StatusOK, "/queues": http.StatusOK,
		"/waiting?queue=orders": http.StatusOK,
	} {
		page := do(t, browser(t), http.MethodGet, server.URL+path, nil)
		shown, hidden := strings.Contains(page.body, `role="alert" hidden`), strings.Contains(page.body, "cannot be shown")
		if page.StatusCode != status || shown != (status != http.StatusBadGateway) ||
			status == http.StatusBadGateway && (!hidden || strings.Contains(page.body, "Redis does not answer")) {
			t.Errorf("%s: %d\n%s", path, page.StatusCode, page.body)
		}
	}
	shows(t, server, "/queues", "orders", "broken cannot be shown", "WRONGTYPE")
}

// A job that is done at its first attempt has no failed one.
func TestADoneJobSaysAtWhichAttempt(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	done := make(chan struct{}, 10)
	mux := queue.NewMux()
	mux.HandleKind("k", func(_ context.Context, run *queue.Run) error {
		if run.Attempt == 1 && string(run.Data) == `{"times":1}` {
			return queue.RetryIn(time.Millisecond, context.DeadlineExceeded)
		}
		return nil
	}, queue.Retain(time.Hour))
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Namespace: namespace, Queues: map[string]queue.QueueConfig{"orders": {}},
		Observer: queue.ObserverFunc(func(e queue.Event) {
			if e.Type == queue.EventDone {
				done <- struct{}{}
			}
		}),
	})
	must(t, err)
	must(t, worker.Start(t.Context()))
	defer func() { must(t, worker.Stop(context.WithoutCancel(t.Context()))) }()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	must(t, err)
	defer func() { must(t, client.Close()) }()
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	for data, text := range map[string]string{
		`{}`: "done at attempt 1, 0 failed", `{"times":1}`: "done at attempt 2, 1 failed",
	} {
		job, err := client.Enqueue(t.Context(), queue.JSON("k", []byte(data)), queue.On("orders"))
		must(t, err)
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatal("the job was never done")
		}
		shows(t, server, "/queues/orders/jobs/"+job.ID, text)
	}
}

// Rates are of this minute: a fleet that has just started shows them, and one that stands still shows none.
func TestRatesAreOfThisMinute(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", `{}`)
	minute := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	note := func(at time.Time, done int) {
		must(t, rdb.HSet(t.Context(), namespace+":{orders}:stats:"+strconv.FormatInt(at.Unix()/60, 10), "done", done).Err())
	}
	for name, c := range map[string]struct {
		passed          time.Duration // of the minute
		before, current int
		want            string
	}{
		"the first seconds":     {5 * time.Second, 0, 100, ">300</b> done/min"},           // 100 in the 20 s
		"with a minute before":  {5 * time.Second, 1200, 100, ">1\u202f200</b> done/min"}, // 300 of it in 15 s
		"half of it":            {30 * time.Second, 1200, 600, ">1\u202f200</b> done/min"},
		"it stands still":       {30 * time.Second, 1200, 0, ">0</b> done/min"},
		"at its very beginning": {0, 1200, 0, ">1\u202f200</b> done/min"},
	} {
		note(minute.Add(-time.Minute), c.before)
		note(minute, c.current)
		server := board(t, dashboard.Config{
			Redis: rdb, Namespace: namespace, Auth: dashboard.Open{},
			Now: func() time.Time { return minute.Add(c.passed) },
		})
		if page := do(t, browser(t), http.MethodGet, server.URL+"/", nil); !strings.Contains(page.body, c.want) {
			t.Errorf("%s: the page does not show %s", name, c.want)
		}
	}
}

// A job that is made due where no worker lives waits, and the notice says so.
func TestRunNowSaysThatNoWorkerLives(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	must(t, err)
	defer func() { must(t, client.Close()) }()
	job, err := client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), queue.On("orders"), queue.In(time.Hour))
	must(t, err)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	status, answer := act(t, server, "/jobs/act", "queue", "orders", "state", "delayed", "action", "run_now", "id", job.ID)
	if status != http.StatusOK || !strings.Contains(answer, "Run now: 1 job. But no worker serves the queue") {
		t.Errorf("%d %s", status, answer)
	}
	if n := rdb.XLen(t.Context(), namespace+":{orders}").Val(); n != 1 {
		t.Errorf("%d jobs wait, want 1", n)
	}
}

// Which kinds wait for a worker stands with their queue.
func TestAKindWithoutAHandlerIsShown(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	must(t, err)
	defer func() { must(t, client.Close()) }()
	_, err = client.Enqueue(t.Context(), queue.JSON("mail.<b>", []byte(`{}`)), queue.On("orders"))
	must(t, err)
	noted := redis.Z{Member: "mail.<b>", Score: float64(time.Now().UnixMilli())}
	must(t, rdb.ZAdd(t.Context(), namespace+":{orders}:unknown", noted).Err())
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	for _, path := range []string{"/", "/queues"} {
		page := do(t, browser(t), http.MethodGet, server.URL+path, nil)
		if !strings.Contains(page.body, "no handler for mail.&lt;b&gt;") {
			t.Errorf("%s does not show it", path)
		}
	}
	api := do(t, browser(t), http.MethodGet, server.URL+"/api/v1/queues", nil)
	if !strings.Contains(api.body, `"unknown_kinds"`) {
		t.Errorf("the interface does not: %s", api.body)
	}
}

// What is hidden by its name is hidden also where its bytes are in base64.
func TestBinaryValuesAreMasked(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", `{"password;base64":"c2VjcmV0","photo;base64":"cGhvdG8="}`)
	must(t, rdb.XAdd(t.Context(), &redis.XAddArgs{
		Stream: namespace + ":{orders}", Values: []string{"kind", "k", "data", "\xff"},
	}).Err())
	server := board(t, dashboard.Config{
		Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}, Mask: dashboard.DefaultMask,
	})
	page := shows(t, server, "/waiting", "cGhvdG8=", ";base64")
	if strings.Contains(page, "c2VjcmV0") {
		t.Error("a password is shown")
	}
}

// Jobs and consumers of other programs are found by the links of the pages, whatever they are called.
func TestLinksToOddNamesWork(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	stream := namespace + ":{orders}"
	ids := []string{"a/b?c#d", "100%", "%41", "ä b", `"quoted"`, "..%2f", "a+b;c&d=e"}
	for _, id := range ids {
		must(t, rdb.XAdd(t.Context(), &redis.XAddArgs{
			Stream: stream, Values: []string{"id", id, "kind", "k", "data", "{}"},
		}).Err())
	}
	must(t, rdb.XGroupCreate(t.Context(), stream, queue.DefaultGroup, "0").Err())
	must(t, rdb.HSet(t.Context(), namespace+":queues", "orders", "{}").Err())
	for _, consumer := range []string{"order worker 1", `a"b#c~d`, "python#abc123"} {
		must(t, rdb.XReadGroup(t.Context(), &redis.XReadGroupArgs{
			Group: queue.DefaultGroup, Consumer: consumer, Streams: []string{stream, ">"}, Count: 2,
		}).Err())
	}
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}, Prefix: "/x"})
	jobs, holders := 0, 0
	links := regexp.MustCompile(`<a href="([^"]*/jobs/[^"]*|[^"]*q=worker[^"]*)"`)
	for _, path := range []string{"/x/pending", "/x/waiting"} {
		page := do(t, browser(t), http.MethodGet, server.URL+path, nil)
		for _, link := range links.FindAllStringSubmatch(page.body, -1) {
			address := html.UnescapeString(link[1])
			if strings.HasPrefix(address, "?") {
				address, holders = path+address, holders+1
			} else {
				jobs++
			}
			found := do(t, browser(t), http.MethodGet, server.URL+address, nil)
			if found.StatusCode != http.StatusOK || !strings.Contains(found.body, "orders") ||
				strings.Contains(found.body, "No job is in flight") {
				t.Errorf("%s: %d", address, found.StatusCode)
			}
		}
	}
	if jobs != len(ids) || holders != 3 {
		t.Errorf("%d links to jobs, %d to consumers", jobs, holders)
	}
}
