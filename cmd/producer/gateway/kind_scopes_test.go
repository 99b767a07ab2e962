package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/queue"
)

const (
	echoJob = `{"kind":"debug.echo","data":1}`
	failJob = `{"kind":"debug.fail","data":1}`
)

func TestKeysAreLimitedToKinds(t *testing.T) {
	t.Parallel()
	auth, keys, _ := callers(t, map[string]string{
		"echo": "jobs:write:orders/debug.echo,jobs:write:mail", "debug": "jobs:write:*/debug.*",
	})
	a := newApp(t, func(c *gateway.Config) { c.Auth = auth })
	for _, test := range []struct {
		key, queue, kind string
		want             int
	}{
		{"echo", "orders", "debug.echo", 202}, {"echo", "orders", "debug.fail", 403}, {"echo", "mail", "debug.fail", 202},
		{"echo", "other", "debug.echo", 403}, {"echo", "orders", "no.such.kind", 403},
		{"debug", "orders", "debug.fail", 202}, {"debug", "any", "debug.echo", 202}, {"debug", "any", "payment.charge", 403},
	} {
		one := ask{method: "POST", path: "/v1/queues/" + test.queue + "/jobs",
			body: `{"kind":"` + test.kind + `","data":1}`}
		got := a.do(one.with("X-API-Key", keys[test.key]))
		if got.status != test.want || got.status == 403 && !strings.Contains(string(got.body), "docs/gateway.md#forbidden") {
			t.Errorf("%v got %d: %s", test, got.status, got.body)
		}
	}
}

// In an array, and in a stream, each job is held against the scope, and the others are enqueued.
func TestKindsOfSeveralJobsAreChecked(t *testing.T) {
	t.Parallel()
	auth, keys, _ := callers(t, map[string]string{"echo": "jobs:write:orders/debug.echo"})
	a := newApp(t, func(c *gateway.Config) { c.Auth = auth })
	array := ask{method: "POST", path: orderJobs, body: "[" + failJob + "," + echoJob + "]"}
	got := decode[results](a, a.gets(207, array.with("X-API-Key", keys["echo"])))
	if len(got.Results) != 2 || got.Results[0].Problem.Status != 403 || got.Results[1].ID == "" {
		t.Errorf("got %+v", got)
	}
	lines, last := a.stream(failJob+"\n"+echoJob+"\n", keys["echo"])
	if len(lines) != 2 || lines[0].Problem == nil || lines[0].Problem.Status != 403 || last.Enqueued != 1 ||
		last.Failed != 1 {
		t.Errorf("got %+v, %+v", lines, last)
	}
	if n, err := a.rdb.XLen(t.Context(), "navvy:{orders}").Result(); err != nil || n != 2 {
		t.Errorf("%d jobs, %v", n, err)
	}
}

// To a key of another kind a job does not exist, whatever its state.
func TestJobsOfOtherKindsAreNotShown(t *testing.T) {
	t.Parallel()
	auth, keys, _ := callers(t, map[string]string{
		"all": "jobs:write,jobs:read", "echo": "jobs:read:orders/debug.echo",
	})
	a := newApp(t, func(c *gateway.Config) { c.Auth = auth })
	show := func(key, id string, want int) answer {
		t.Helper()
		return a.gets(want, ask{method: "GET", path: orderJobs + "/" + id}.with("X-API-Key", keys[key]))
	}
	put := func(id, kind string) {
		t.Helper()
		a.gets(202, ask{method: "POST", path: orderJobs, body: `{"id":"` + id + `","kind":"` + kind + `","data":1}`}.
			with("X-API-Key", keys["all"]))
	}
	put("e-1", "debug.echo")
	put("f-1", "debug.fail")
	show("echo", "e-1", 200)
	hidden, none := show("echo", "f-1", 404), show("echo", "x-1", 404)
	if a, b := detailOf(t, hidden), detailOf(t, none); a != b {
		t.Errorf("a hidden job is %q, none at all is %q", a, b)
	}
	show("all", "f-1", 200)
	mux := queue.NewMux()
	mux.HandleKind("debug.echo", func(context.Context, *queue.Run) error { return nil })
	mux.HandleKind("debug.fail", func(context.Context, *queue.Run) error { return nil })
	a.work(mux)
	for _, id := range []string{"e-1", "f-1"} {
		a.eventually(id+" is done", func() bool {
			return strings.Contains(string(show("all", id, http.StatusOK).body), `"done"`)
		})
	}
	show("echo", "e-1", 200)
	show("echo", "f-1", 404)
}

func detailOf(t *testing.T, got answer) string {
	t.Helper()
	var p struct{ Detail string }
	if err := json.Unmarshal(got.body, &p); err != nil {
		t.Fatal(err)
	}
	return p.Detail
}
