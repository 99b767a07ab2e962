package dashboard_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

const evil = `<script>alert("x")</script>`

// bury makes n jobs dead, with data that says which one it is and an error full of HTML.
func bury(t *testing.T, rdb redis.UniversalClient, namespace, name string, n int) {
	t.Helper()
	for i := range n {
		enqueue(t, rdb, namespace, name, fmt.Sprintf(`{"order_id":"o-%d","password":"hunter2","note":%q}`, i%2, evil))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	mux := queue.NewMux()
	mux.HandleKind("k", func(context.Context, *queue.Run) error { return queue.Cancel(errors.New(evil)) })
	left := n
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Namespace: namespace, Queues: map[string]queue.QueueConfig{name: {}}, Concurrency: 1,
		Observer: queue.ObserverFunc(func(e queue.Event) {
			if e.Type == queue.EventDead {
				if left--; left == 0 {
					cancel()
				}
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

func TestListsEscapeAndMask(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	bury(t, rdb, namespace, "orders", 1)
	enqueue(t, rdb, namespace, "orders", fmt.Sprintf(`{"password":"hunter2","note":%q}`, evil))
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{},
		Mask: dashboard.DefaultMask})
	dead, err := inspector(t, rdb, namespace).Search(t.Context(), "orders", inspect.Query{State: inspect.StateDead},
		inspect.Page{})
	if err != nil || len(dead.Jobs) != 1 {
		t.Fatal(dead, err)
	}
	job := "/queues/orders/jobs/" + dead.Jobs[0].ID
	for _, path := range []string{
		"/dead", "/waiting", job, "/dead?q=" + url.QueryEscape(evil), "/dead?q=" + url.QueryEscape(`error:"`+evil+`"`),
		"/dead?queue=" + url.QueryEscape(evil), "/dead?cursor=" + url.QueryEscape(evil), "/queues/orders/jobs/" +
			url.PathEscape(evil),
	} {
		page := do(t, browser(t), http.MethodGet, server.URL+path, nil)
		if strings.Contains(page.body, "<script>") {
			t.Errorf("%s: not escaped:\n%s", path, page.body)
		}
		if page.StatusCode >= 500 {
			t.Errorf("%s: %d\n%s", path, page.StatusCode, page.body)
		}
	}
	for _, path := range []string{"/dead", "/waiting", job, "/api/v1/dead", "/api/v1" + job} {
		if page := do(t, browser(t), http.MethodGet, server.URL+path, nil); strings.Contains(page.body, "hunter2") ||
			page.StatusCode != 200 {
			t.Errorf("%s: %d, or a password is shown:\n%s", path, page.StatusCode, page.body)
		}
	}
}

func TestActOnSelectedAndMatching(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	bury(t, rdb, namespace, "orders", 7) // 4 with o-0, 3 with o-1
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	client, look := browser(t), inspector(t, rdb, namespace)
	dead, err := look.Search(t.Context(), "orders", inspect.Query{State: inspect.StateDead}, inspect.Page{})
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{
		"csrf": {csrfOf(t, client, server.URL+"/dead")}, "queue": {"orders"}, "state": {"dead"}, "back": {"/dead"},
		"action": {"requeue"}, "scope": {"selected"}, "id": {dead.Jobs[0].ID},
	}
	if got := do(t, client, http.MethodPost, server.URL+"/jobs/act", form); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("requeue one: %d\n%s", got.StatusCode, got.body)
	}
	counts(t, look, 1, 6)

	form.Set("scope", "matching")
	form.Set("filter", "args.order_id:o-1")
	ask := do(t, client, http.MethodPost, server.URL+"/jobs/act", form)
	if ask.StatusCode != 200 || !strings.Contains(ask.body, "3 jobs dead of orders") {
		t.Fatalf("requeue all that match asks for no confirmation: %d\n%s", ask.StatusCode, ask.body)
	}
	counts(t, look, 1, 6)
	form.Set("confirm", "yes")
	if got := do(t, client, http.MethodPost, server.URL+"/jobs/act", form); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("requeue all that match: %d\n%s", got.StatusCode, got.body)
	}
	counts(t, look, 4, 3)

	form.Set("action", "delete")
	form.Set("filter", "")
	for _, word := range []string{"", "yes", "order"} {
		form.Set("confirm", word)
		if got := do(t, client, http.MethodPost, server.URL+"/jobs/act", form); got.StatusCode != 200 ||
			!strings.Contains(got.body, "Type <strong>orders") {
			t.Errorf("delete confirmed by %q: %d", word, got.StatusCode)
		}
	}
	counts(t, look, 4, 3)
	form.Set("confirm", "orders")
	do(t, client, http.MethodPost, server.URL+"/jobs/act", form)
	counts(t, look, 4, 0)
	trail := do(t, client, http.MethodGet, server.URL+"/audit", nil).body
	for _, want := range []string{"job.requeue", "jobs.requeue", "jobs.delete", "args.order_id:o-1: 3 jobs"} {
		if !strings.Contains(trail, want) {
			t.Errorf("the audit trail lacks %q", want)
		}
	}
}

func csrfOf(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	page := do(t, client, http.MethodGet, address, nil)
	found := csrfField.FindStringSubmatch(page.body)
	if found == nil {
		t.Fatalf("no form on %s: %d\n%s", address, page.StatusCode, page.body)
	}
	return found[1]
}

func counts(t *testing.T, look *inspect.Inspector, waiting, dead int64) {
	t.Helper()
	info, err := look.Queue(t.Context(), "orders")
	if err != nil || info.Waiting != waiting || info.Dead != dead {
		t.Fatalf("%d waiting and %d dead, %v; want %d and %d", info.Waiting, info.Dead, err, waiting, dead)
	}
}

func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	bury(t, rdb, namespace, "orders", 1)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	client := browser(t)
	token := csrfOf(t, client, server.URL+"/dead")
	for name, test := range map[string]struct {
		form   url.Values
		status int
	}{
		"no action":         {url.Values{"state": {"dead"}, "id": {"x"}}, 400},
		"not for the state": {url.Values{"state": {"dead"}, "action": {"run_now"}, "id": {"x"}}, 400},
		"nothing selected":  {url.Values{"state": {"dead"}, "action": {"requeue"}}, 400},
		"another scope":     {url.Values{"state": {"dead"}, "action": {"requeue"}, "scope": {"everything"}}, 400},
		"no such job":       {url.Values{"state": {"dead"}, "action": {"requeue"}, "id": {"x"}}, 404},
		"a filter of nothing": {url.Values{"state": {"dead"}, "action": {"requeue"}, "scope": {"matching"},
			"filter": {"nonsense"}}, 400},
		"another state's": {url.Values{"state": {"dead"}, "action": {"requeue"}, "scope": {"matching"},
			"filter": {"is:stuck"}}, 400},
		"unconfirmed": {url.Values{"state": {"dead"}, "action": {"delete"}, "id": {"x"}}, 428},
		"too many":    {url.Values{"state": {"dead"}, "action": {"requeue"}, "id": make([]string, 1001)}, 400},
	} {
		test.form.Set("csrf", token)
		test.form.Set("queue", "orders")
		if got := do(t, client, http.MethodPost, server.URL+"/jobs/act", test.form, "Accept",
			"application/json"); got.StatusCode != test.status {
			t.Errorf("%s: %d, want %d: %s", name, got.StatusCode, test.status, got.body)
		}
	}
	for path, status := range map[string]int{
		"/dead?queue=nope":          404,
		"/dead?q=nonsense":          400,
		"/dead?q=is:stuck":          400,
		"/dead?cursor=x":            400,
		"/delayed?state=dead":       400,
		"/delayed?cursor=x":         400,
		"/queues/orders/jobs/nope":  404,
		"/queues/nope/jobs/nope":    404,
		"/operations/nope":          404,
		"/audit?cursor=nope":        400,
		"/pending?q=is:stuck":       200,
		"/pending?q=idle:>1m":       200,
		"/delayed?state=retrying":   200,
		"/dead?queue=orders&q=id:x": 200,
	} {
		if got := do(t, client, http.MethodGet, server.URL+path, nil); got.StatusCode != status {
			t.Errorf("%s: %d, want %d\n%s", path, got.StatusCode, status, got.body)
		}
	}
}

func TestEditAndRequeue(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	bury(t, rdb, namespace, "orders", 1)
	look := inspector(t, rdb, namespace)
	dead, err := look.Search(t.Context(), "orders", inspect.Query{State: inspect.StateDead}, inspect.Page{})
	if err != nil || len(dead.Jobs) != 1 {
		t.Fatal(dead, err)
	}
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	client := browser(t)
	form := url.Values{
		"csrf": {csrfOf(t, client, server.URL+"/dead")}, "queue": {"orders"}, "id": {dead.Jobs[0].ID}, "data": {"{oops"},
	}
	post := func(path string) answer {
		return do(t, client, http.MethodPost, server.URL+path, form, "Accept", "application/json")
	}
	if got := post("/jobs/requeue-with"); got.StatusCode != http.StatusBadRequest {
		t.Errorf("data that is not JSON: %d", got.StatusCode)
	}
	counts(t, look, 0, 1)
	form.Set("data", "{\n  \"order_id\": \"o-9\"\n}")
	if got := post("/jobs/requeue-with"); got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	counts(t, look, 1, 0)
	waiting, err := look.Search(t.Context(), "orders", inspect.Query{State: inspect.StateWaiting}, inspect.Page{})
	if err != nil || string(waiting.Jobs[0].Data) != `{"order_id":"o-9"}` {
		t.Errorf("%+v, %v", waiting.Jobs, err)
	}
	if page := do(t, client, http.MethodGet, server.URL+"/queues/orders/jobs/"+dead.Jobs[0].ID,
		nil); page.StatusCode != 200 {
		t.Errorf("its page afterwards: %d", page.StatusCode)
	}
	form.Set("in", "soon")
	if got := post("/jobs/reschedule"); got.StatusCode != http.StatusBadRequest {
		t.Errorf("due soon: %d", got.StatusCode)
	}
	form.Set("in", "10m")
	if got := post("/jobs/reschedule"); got.StatusCode != http.StatusNotFound {
		t.Errorf("a waiting job is rescheduled: %d", got.StatusCode)
	}
}
