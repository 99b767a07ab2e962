package dashboard_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

var emptyLink = regexp.MustCompile(`<a [^>]*>(<code>)?\s*(</code>)?</a>`)

func TestWorkersPage(t *testing.T) {
	t.Parallel()
	rdb, server := open(t)
	shows(t, server, "/workers?first", "No worker")
	enqueue(t, rdb, "", "orders", `{"password":"hunter2"}`)
	enqueue(t, rdb, "", "events", `{}`)
	ctx, cancel := context.WithCancel(t.Context())
	began, free := make(chan struct{}, 2), make(chan struct{})
	mux := queue.NewMux()
	mux.HandleKind("k", func(context.Context, *queue.Run) error {
		began <- struct{}{}
		<-free
		return nil
	})
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Name: "alice", Queues: map[string]queue.QueueConfig{"orders": {}, "events": {}}, Concurrency: 7,
	})
	must(t, err)
	stopped := make(chan error, 1)
	go func() { stopped <- worker.Run(ctx) }()
	<-began
	<-began
	var list struct {
		Processes []struct {
			Name, Host string
			PID, Slots int
			Running    int
			Heartbeat  inspect.Heartbeat
			Queues     []inspect.WorkerInfo
			Jobs       []inspect.JobInfo
		}
	}
	if !eventually(t, func() bool {
		fetchJSON(t, server, "/workers", &list)
		return len(list.Processes) == 1 && list.Processes[0].Running == 2
	}) {
		t.Fatalf("got %+v", list)
	}
	p := list.Processes[0]
	if p.Name != "alice" || p.Slots != 7 || p.PID == 0 || p.Heartbeat != inspect.HeartbeatAlive || len(p.Queues) != 2 ||
		len(p.Jobs) != 2 {
		t.Errorf("got %+v", p)
	}
	if page := shows(t, server, "/workers", "alice", "alive", "2/7", "lease"); strings.Contains(page, "hunter2") {
		t.Error("the page shows a job's data")
	}
	for _, w := range p.Queues { // as when the job has ended a moment ago
		must(t, rdb.XTrimMaxLen(t.Context(), "navvy:{"+w.Queue+"}", 0).Err())
	}
	for _, path := range []string{"/workers?trimmed", "/pending?queue=orders&trimmed"} {
		if link := emptyLink.FindString(shows(t, server, path)); link != "" {
			t.Errorf("%s has a link without a text: %s", path, link)
		}
	}
	close(free)
	cancel()
	<-stopped
}

// onlyWorker reads the only worker of a dashboard until it is in a state.
func onlyWorker(
	t *testing.T, client *http.Client, server *httptest.Server, want inspect.WorkerState,
) (host, pid string) {
	t.Helper()
	var seen struct {
		Processes []struct {
			Host  string
			PID   int
			State inspect.WorkerState
		}
	}
	if !eventually(t, func() bool {
		got := do(t, client, http.MethodGet, server.URL+"/api/v1/workers", nil, "Accept", "application/json")
		seen.Processes = nil
		must(t, json.Unmarshal([]byte(got.body), &seen))
		return len(seen.Processes) == 1 && seen.Processes[0].State == want
	}) {
		t.Fatalf("want %q, got %+v", want, seen)
	}
	return seen.Processes[0].Host, strconv.Itoa(seen.Processes[0].PID)
}

func TestWorkersAreCommanded(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	read, _, tokens := credentials(t)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: passwords(t, read)})
	worker, err := queue.NewWorker(rdb, queue.NewMux(), queue.WorkerConfig{
		Namespace: namespace, Name: "alice", Queues: map[string]queue.QueueConfig{"orders": {}, "events": {}},
	})
	must(t, err)
	must(t, worker.Start(t.Context()))
	client := browser(t)
	login(t, client, server, "olga")
	host, pid := onlyWorker(t, client, server, inspect.WorkerWorking)
	page := do(t, client, http.MethodGet, server.URL+"/workers", nil).body
	if !strings.Contains(page, "Quiet alice") || !strings.Contains(page, "Stop alice") ||
		strings.Contains(page, "Wake alice") {
		t.Errorf("the buttons of a worker at work:\n%s", page)
	}
	form := url.Values{"worker": {"alice"}, "host": {host}, "pid": {pid}, "csrf": {csrfField.FindStringSubmatch(page)[1]},
		"back": {"/workers"}}
	send := func(command string, headers ...string) answer {
		form.Set("command", command)
		return do(t, client, http.MethodPost, server.URL+"/workers/command", form, headers...)
	}
	if got := do(t, browser(t), http.MethodPost, server.URL+"/workers/command", form, "Authorization",
		"Bearer "+tokens["vera"]); got.StatusCode != http.StatusForbidden {
		t.Errorf("a viewer: %d", got.StatusCode)
	}
	if got := send("dance", "Accept", "application/json"); got.StatusCode != http.StatusBadRequest {
		t.Errorf("a command that there is not: %d %s", got.StatusCode, got.body)
	}
	send("quiet")
	if page := do(t, client, http.MethodGet, server.URL+"/workers", nil).body; !strings.Contains(page, "Undo") {
		t.Errorf("no way back:\n%s", page)
	}
	onlyWorker(t, client, server, inspect.WorkerQuiet)
	send("wake")
	onlyWorker(t, client, server, inspect.WorkerWorking)
	if got := send("stop"); !strings.Contains(got.body, "grace period") {
		t.Errorf("no question before a stop: %d\n%s", got.StatusCode, got.body)
	}
	form.Set("confirm", "yes")
	send("stop")
	<-worker.Stopped()
	if got := send("stop", "Accept", "application/json"); got.StatusCode != http.StatusNotFound {
		t.Errorf("a worker that is gone: %d %s", got.StatusCode, got.body)
	}
	trail := do(t, client, http.MethodGet, server.URL+"/audit", nil).body
	for _, want := range []string{"worker.quiet", "worker.wake", "worker.stop", "alice"} {
		if !strings.Contains(trail, want) {
			t.Errorf("the audit trail lacks %q", want)
		}
	}
}

// A process is one worker, however many queues it has.
func TestSummaryCountsProcessesAndStuckJobs(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", `{}`)
	began, free := make(chan struct{}, 1), make(chan struct{})
	mux := queue.NewMux()
	mux.HandleKind("k", func(context.Context, *queue.Run) error { began <- struct{}{}; <-free; return nil })
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Namespace: namespace, Queues: map[string]queue.QueueConfig{"orders": {}, "events": {}},
	})
	must(t, err)
	must(t, worker.Start(t.Context()))
	defer func() { close(free); must(t, worker.Stop(t.Context())) }()
	<-began
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	var seen struct{ Total struct{ Workers, Stuck int } }
	says := func(workers, stuck int) bool {
		return eventually(t, func() bool {
			got := do(t, browser(t), http.MethodGet, server.URL+"/api/v1/queues", nil, "Accept", "application/json")
			must(t, json.Unmarshal([]byte(got.body), &seen))
			return seen.Total.Workers == workers && seen.Total.Stuck == stuck
		})
	}
	if !says(1, 0) {
		t.Fatalf("a worker with a job: %+v", seen.Total)
	}
	job, err := inspector(t, rdb, namespace).Search(t.Context(), "orders", inspect.Query{State: inspect.StateInFlight},
		inspect.Page{})
	must(t, err)
	must(t, inspector(t, rdb, namespace).Cancel(t.Context(), "orders", job.Jobs[0].ID))
	if !says(1, 1) {
		t.Fatalf("a handler that ignores its cancelled context: %+v", seen.Total)
	}
	if page := do(t, browser(t), http.MethodGet, server.URL+"/", nil); !strings.Contains(
		page.body, `?queue=orders&amp;q=is:stuck"><b>1</b> stuck`) {
		t.Errorf("the summary does not say so:\n%s", page.body)
	}
}
