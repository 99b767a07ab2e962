package dashboard_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/cron"
	"github.com/navvy-go/navvy/queue/inspect"
)

// addCron adds an entry as a person does.
func addCron(t *testing.T, look *inspect.Inspector, queueName, name, spec, data string) {
	t.Helper()
	_, err := look.AddCron(inspect.WithActor(t.Context(), "ada"), queueName, name, inspect.CronSettings{
		Spec: spec, Kind: "report", Data: []byte(data), CatchUp: 1, Jitter: 90 * time.Second,
	})
	must(t, err)
}

func TestCronPages(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{},
		Mask: dashboard.DefaultMask})
	shows(t, server, "/cron?none", "No cron entry", "monitor cron add")
	look := inspector(t, rdb, namespace)
	addCron(t, look, "reports", "nightly", "CRON_TZ=Europe/Zurich 0 3 * * *", `{"password":"hunter2","days":1}`)
	addCron(t, look, "mail", "a/../b&c=<script>", "@hourly", `{}`)
	enqueue(t, rdb, namespace, "orders", `{}`)
	_, err := look.RunCron(t.Context(), "reports", "nightly")
	must(t, err)
	_, err = look.PauseCron(inspect.WithActor(t.Context(), "ada"), "mail", "a/../b&c=<script>")
	must(t, err)

	var list struct {
		Entries []inspect.CronEntry
		Queues  int
	}
	if !eventually(t, func() bool { fetchJSON(t, server, "/cron", &list); return len(list.Entries) == 2 }) {
		t.Fatalf("got %+v", list)
	}
	e := list.Entries[1]
	if list.Queues != 2 || e.Queue != "reports" || e.Zone != "Europe/Zurich" || e.State != inspect.CronOn ||
		e.Data != nil || e.Last == nil || e.Last.Outcome != "run" || len(e.Upcoming) != 5 ||
		list.Entries[0].State != inspect.CronPaused {
		t.Errorf("got %+v", list)
	}
	page := shows(t, server, "/cron", "nightly", "Europe/Zurich", "catch up 1", "jitter 1 min 30 s", "paused by ada",
		"edited by ada", "Run now: nightly of reports", "Resume a/../b&amp;c=&lt;script&gt; of mail")
	if strings.Contains(page, "<script>") || strings.Contains(page, "not declared") {
		t.Errorf("not escaped, or what a person has added counts as not declared:\n%s", page)
	}
	odd := "/cron/entry?" + url.Values{"queue": {"mail"}, "name": {"a/../b&c=<script>"}}.Encode()
	if !strings.Contains(page, `href="`+strings.ReplaceAll(odd, "&", "&amp;")+`"`) {
		t.Errorf("no link to %s:\n%s", odd, page)
	}
	shows(t, server, odd, "None while it is paused", "No tick yet", "monitor cron resume &#39;mail&#39;")
	page = shows(t, server, "/cron/entry?queue=reports&name=nightly", "run", "03:00:00 CE", "up to 1 min 30 s",
		"a person has added it", "/queues/reports/jobs/cron:nightly:run:", "monitor cron edit &#39;reports&#39;")
	if strings.Contains(page, "hunter2") || strings.Count(page, "03:00:00 CE") != 5 {
		t.Errorf("a password, or not five ticks:\n%s", page)
	}
}

// What is wrong with an entry is seen at once: that nobody enqueues it, that nobody declares it any more, or its spec.
func TestCronPageShowsWhatIsWrong(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	worker, err := queue.NewWorker(rdb, queue.NewMux(), queue.WorkerConfig{
		Queues: map[string]queue.QueueConfig{"reports": {}},
		Cron: queue.CronConfig{Version: 3, Parse: cron.Parse, Entries: []queue.CronEntry{
			queue.Cron("nightly", "@daily", queue.JSON("report", []byte(`{}`)), queue.On("reports")),
		}},
	})
	must(t, err)
	must(t, worker.Start(t.Context()))
	look := inspector(t, rdb, "")
	is := func(what string, is func(inspect.CronEntry) bool) {
		t.Helper()
		var e inspect.CronEntry
		if !eventually(t, func() bool { e, _ = look.Cron(t.Context(), "reports", "nightly"); return is(e) }) {
			t.Fatalf("not %s: %+v", what, e)
		}
	}
	is("declared", func(e inspect.CronEntry) bool { return e.Declared })
	must(t, worker.Stop(t.Context()))
	is("left", func(e inspect.CronEntry) bool { return !e.Declared })
	long := float64(time.Now().Add(-time.Hour).UnixMilli())
	must(t, rdb.ZAdd(t.Context(), "navvy:{reports}:cron:next", redis.Z{Score: long, Member: "nightly"}).Err())
	must(t, rdb.HSet(t.Context(), "navvy:{reports}:cron", "torn", `{"spec":"nonsense"}`).Err())
	enqueue(t, rdb, "", "orders", `{}`)
	must(t, rdb.Set(t.Context(), "navvy:{orders}:cron", "text", 0).Err())
	server := board(t, dashboard.Config{Redis: rdb, Namespace: queue.DefaultNamespace, Auth: dashboard.Open{}})
	shows(t, server, "/cron", "overdue by 1 h", "not declared", "broken", "nonsense", "orders cannot be shown")
	shows(t, server, "/cron/entry?queue=reports&name=nightly", "not by any worker that lives, version 3")
	shows(t, server, "/cron/entry?queue=reports&name=torn", "broken")
}

func TestCronActions(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	look := inspector(t, rdb, namespace)
	addCron(t, look, "reports", "nightly", "@daily", `{}`)
	read, _, _ := credentials(t)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: passwords(t, read)})
	client := browser(t)
	login(t, client, server, "olga")
	address := server.URL + "/cron/entry?queue=reports&name=nightly"
	form := url.Values{"queue": {"reports"}, "name": {"nightly"}, "back": {"/cron/entry?queue=reports&name=nightly"},
		"csrf": {csrfOf(t, client, address)}}
	after := func(action string, texts ...string) inspect.CronEntry {
		t.Helper()
		got := do(t, client, http.MethodPost, server.URL+"/cron/"+action, form)
		if got.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: %d\n%s", action, got.StatusCode, got.body)
		}
		page := do(t, client, http.MethodGet, address, nil)
		for _, text := range texts {
			if !strings.Contains(page.body, text) {
				t.Errorf("after %s, the page lacks %q:\n%s", action, text, page.body)
			}
		}
		e, err := look.Cron(t.Context(), "reports", "nightly")
		must(t, err)
		return e
	}
	if e := after("pause", "paused by olga", "Undo", "Resume"); e.Paused == nil || e.Paused.By != "olga" {
		t.Errorf("paused: %+v", e)
	}
	if e := after("resume", "Its next tick is in"); e.Paused != nil || e.Next == nil {
		t.Errorf("resumed: %+v", e)
	}
	if e := after("run", "Enqueued to reports: cron:nightly:run:"); e.Last == nil || e.Last.Outcome != "run" {
		t.Errorf("run: %+v", e)
	}
	form.Set("spec", "nonsense")
	if e := after("edit", "Not done:", "nonsense"); e.Spec != "@daily" {
		t.Errorf("edited: %+v", e)
	}
	form.Set("spec", "@weekly")
	if e := after("edit", "@weekly", "Undo", "<dt>Edited</dt><dd>by olga"); e.Spec != "@weekly" || e.Kind != "report" {
		t.Errorf("edited: %+v", e)
	}
	if got := do(t, client, http.MethodPost, server.URL+"/cron/delete", form); !strings.Contains(got.body, "to confirm") {
		t.Errorf("no question before it is deleted: %d\n%s", got.StatusCode, got.body)
	}
	form.Set("confirm", "nightly")
	do(t, client, http.MethodPost, server.URL+"/cron/delete", form)
	if _, err := look.Cron(t.Context(), "reports", "nightly"); err == nil {
		t.Error("it is still there")
	}
	trail := do(t, client, http.MethodGet, server.URL+"/audit", nil).body
	for _, want := range []string{"cron.pause", "cron.resume", "cron.run", "cron.edit", "cron.delete", "@weekly"} {
		if !strings.Contains(trail, want) {
			t.Errorf("the audit trail lacks %q", want)
		}
	}
}

// Whatever is asked of the API, it says whether the queue or the entry is not there.
func TestCronOfNoQueueAndOfNoEntry(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", `{}`)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	for name, says := range map[string]string{"nowhere": "no such queue", "orders": "no such cron entry"} {
		check := func(what string, status int, body string) {
			t.Helper()
			var problem struct{ Detail string }
			if err := json.Unmarshal([]byte(body), &problem); err != nil || status != http.StatusNotFound ||
				!strings.Contains(problem.Detail, says) || strings.Contains(problem.Detail, "no such job") {
				t.Errorf("%s of %s: %d %v %s, want %q", what, name, status, err, body, says)
			}
		}
		for _, action := range []string{"pause", "resume", "run", "edit", "delete"} {
			status, body := act(t, server, "/api/v1/cron/"+action, "queue", name, "name", "x", "spec", "@daily", "confirm", "x")
			check(action, status, body)
		}
		got := do(t, browser(t), http.MethodGet, fmt.Sprintf("%s/api/v1/cron/entry?queue=%s&name=x", server.URL, name), nil,
			"Accept", "application/json")
		check("look", got.StatusCode, got.body)
	}
	if status, _ := get(t, server, "/cron/entry?queue=orders"); status != http.StatusBadRequest {
		t.Errorf("without a name: %d", status)
	}
}

func TestCronIsClosedToViewers(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	look := inspector(t, rdb, namespace)
	addCron(t, look, "reports", "nightly", "@daily", `{}`)
	read, _, tokens := credentials(t)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: passwords(t, read)})
	readOnly := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: passwords(t, read), ReadOnly: true})
	form := url.Values{"queue": {"reports"}, "name": {"nightly"}, "spec": {"@weekly"}, "confirm": {"nightly"}}
	for _, action := range []string{"pause", "run", "edit", "delete"} {
		refusesAll(t, server, readOnly, tokens, "/cron/"+action, form)
	}
	if e, err := look.Cron(t.Context(), "reports", "nightly"); err != nil || e.Paused != nil || e.Spec != "@daily" ||
		e.Last != nil {
		t.Errorf("it was changed: %+v, %v", e, err)
	}
}
