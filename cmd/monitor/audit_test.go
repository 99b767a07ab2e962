package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard/audit"
	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue/inspect"
)

// me is who acts in these tests.
func me(t *testing.T) string {
	t.Helper()
	person, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return person.Username + "@" + host
}

// noted reads the trail as "what target: detail", the first entry first, and fails for one of somebody else.
func noted(t *testing.T, rdb redis.UniversalClient, namespace string) []string {
	t.Helper()
	entries, err := audit.New(rdb, namespace).List(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for n := range entries {
		e := entries[len(entries)-1-n]
		if e.Who != me(t) {
			t.Errorf("%s was done by %q, not %q", e.What, e.Who, me(t))
		}
		lines = append(lines, strings.TrimSuffix(e.What+" "+e.Target+": "+e.Detail, ": "))
	}
	return lines
}

func TestTheDashboardShowsWhatCommandsDid(t *testing.T) {
	t.Parallel()
	server, namespace := redistest.Shared(t), redistest.Namespace()
	rdb := server.Client(t)
	enqueue(t, rdb, namespace, "orders", 2)
	for _, args := range [][]string{{"pause", "orders"}, {"cancel", "orders", "--filter", "kind:k", "--state", "waiting",
		"--yes"}} {
		app := newApp()
		var out, errs bytes.Buffer
		app.Reader, app.Writer, app.ErrWriter = &bytes.Buffer{}, &out, &errs
		args = append([]string{"monitor", "--redis", server.URL(), "--namespace", namespace}, args...)
		if status := command.Run(t.Context(), app, args); status != command.StatusDone {
			t.Fatalf("%v: status %d, %q", args, status, errs.String())
		}
	}
	handler := open(t, rdb, namespace, nil)
	var page struct{ Entries []audit.Entry }
	if err := json.Unmarshal(get(t, handler, "/api/v1/audit").Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	if len(page.Entries) != 2 || page.Entries[0].What != "jobs.cancel" ||
		page.Entries[0].Detail != "waiting kind:k: 2 jobs" ||
		page.Entries[1].What != "queue.pause" || page.Entries[1].Target != "orders" || page.Entries[1].Who != me(t) {
		t.Errorf("the dashboard has %+v", page.Entries)
	}
	if html := get(t, handler, "/audit").Body.String(); !strings.Contains(html, "waiting kind:k: 2 jobs") {
		t.Errorf("the page does not show it:\n%s", html)
	}
}

func TestTopLeavesATrail(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	for range 3 {
		enqueue(t, rdb, namespace, "orders", 1)
		bury(t, rdb, namespace, "orders")
	}
	dead, err := newInspector(t, rdb, namespace).Search(t.Context(), "orders", inspect.Query{State: inspect.StateDead},
		inspect.Page{})
	if err != nil {
		t.Fatal(err)
	}
	first := dead.Jobs[0].ID
	term := openTop(t, "--redis", redistest.Shared(t).URL(), "--namespace", namespace, "--interval", "100ms")
	term.shows(t, "> orders")
	term.press(t, "p")
	term.shows(t, "orders: paused")
	term.press(t, "4")
	term.shows(t, "> "+first)
	term.press(t, "r")
	term.shows(t, first+": requeued")
	term.press(t, "/kind:k\rD")
	term.shows(t, "2 dead jobs of orders that match kind:k: type delete")
	term.press(t, "delete\r")
	term.shows(t, "2 deleted")
	want := []string{"queue.pause orders", "job.requeue orders: " + first, "jobs.delete orders: dead kind:k: 2 jobs"}
	if got := noted(t, rdb, namespace); !slices.Equal(got, want) {
		t.Errorf("the trail has %q, want %q", got, want)
	}
	term.press(t, "q")
	term.ends(t)
}

func TestTopTellsThatItLeavesNoTrail(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := server.Client(t)
	for range 2 {
		enqueue(t, rdb, "", "orders", 1)
		bury(t, rdb, "", "orders")
	}
	if err := rdb.Do(t.Context(), "ACL", "SETUSER", "limited", "on", ">pw", "~navvy:{*", "~navvy:queues",
		"+@all").Err(); err != nil {
		t.Fatal(err)
	}
	term := openTop(t, "--redis", "redis://limited:pw@"+server.Addr, "--interval", "100ms")
	term.shows(t, "> orders")
	term.press(t, "p")
	term.shows(t, "orders: paused; not in the audit trail: audit: add queue.pause: NOPERM")
	term.press(t, "4R")
	term.shows(t, "2 dead jobs of orders: type requeue")
	term.press(t, "requeue\r")
	term.shows(t, "2 requeued; not in the audit trail: audit: add jobs.requeue: NOPERM")
	info, err := newInspector(t, rdb, "").Queue(t.Context(), "orders")
	if err != nil || info.Paused == nil || info.Waiting != 2 {
		t.Errorf("%+v, %v", info, err)
	}
	term.press(t, "q")
	term.ends(t)
}

func TestAWorkerThatIsToldIsInTheTrail(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := server.Client(t)
	startHolding(t, rdb, "orders")
	var worker inspect.WorkerInfo
	until(t, "there is a worker", func() bool {
		workers, err := newInspector(t, rdb, "").Workers(t.Context(), "orders")
		if err != nil || len(workers) == 0 {
			return false
		}
		worker = workers[0]
		return true
	})
	app := newApp()
	var out, errs bytes.Buffer
	app.Reader, app.Writer, app.ErrWriter = &bytes.Buffer{}, &out, &errs
	if status := command.Run(t.Context(), app, []string{"monitor", "--redis", server.URL(), "quiet",
		worker.Name}); status != command.StatusDone {
		t.Fatalf("status %d, %q", status, errs.String())
	}
	name, _, _ := strings.Cut(worker.Name, "#")
	want := []string{fmt.Sprintf("worker.quiet %s: %s:%d", name, worker.Host, worker.PID)}
	if got := noted(t, rdb, ""); !slices.Equal(got, want) {
		t.Errorf("the trail has %q, want %q", got, want)
	}
}
