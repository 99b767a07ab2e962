package dashboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
)

// counter is a feature: a number, which its page shows and operators count up.
type counter struct{ value, loads atomic.Int64 }

func (c *counter) page() dashboard.Page {
	return dashboard.Page{
		Path: "/counter", Title: "Counter", Key: "n",
		Query: []string{"of"},
		Template: `{{define "content"}}<p id="counter" data-live>It is {{loud (count .Body.Value)}}.</p>
			{{if .CanAct}}<form method="post" action="{{path "/counter/add"}}">
			<input type="hidden" name="csrf" value="{{.CSRF}}"><input type="hidden" name="back" value="{{.Address}}">
			<button>Add</button></form>{{end}}{{end}}`,
		Funcs: map[string]any{"loud": func(text string) string { return text + "!" }},
		Load: func(_ context.Context, r *dashboard.Request) (any, error) {
			c.loads.Add(1)
			switch r.Get("of") {
			case "":
				return struct{ Value int64 }{c.value.Load()}, nil
			case "nothing":
				return nil, dashboard.NotFound("there is no such counter")
			case "broken":
				return nil, errors.New("redis: connection refused")
			}
			return nil, dashboard.BadRequest("of %q is no counter", r.Get("of"))
		},
		Actions: map[string]dashboard.Action{"add": func(f *dashboard.Form) (dashboard.Notice, error) {
			if f.Value("by") == "zero" {
				return dashboard.Notice{}, dashboard.BadRequest("by zero <is> nothing")
			}
			c.value.Add(1)
			f.Audit("counter.add", "the counter", "by one")
			return dashboard.Notice{Text: "Added one.", Undo: &dashboard.Undo{Action: "/counter/sub"}}, nil
		}},
	}
}

// What a page gets from the dashboard: navigation, JSON, headers, a cache, its errors' statuses.
func TestAPluggedPageIsOneOfTheDashboards(t *testing.T) {
	t.Parallel()
	var c counter
	server := board(t, dashboard.Config{Auth: dashboard.Open{}, Pages: []dashboard.Page{c.page()}, Prefix: "/navvy"})
	page := shows(t, server, "/navvy/counter", "It is 0!.", `action="/navvy/counter/add"`, "<h1>Counter</h1>")
	if !strings.Contains(page, `<a href="/navvy/counter" data-key="n" aria-current="page">Counter</a>`) {
		t.Error("it is not in the navigation")
	}
	if others := shows(t, server, "/navvy/queues"); !strings.Contains(others, `href="/navvy/counter" data-key="n">`) {
		t.Error("the other pages do not lead to it")
	}
	got := do(t, browser(t), http.MethodGet, server.URL+"/navvy/counter", nil)
	for _, header := range []string{"Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options",
		"Referrer-Policy"} {
		if got.Header.Get(header) == "" {
			t.Errorf("it has no %s", header)
		}
	}
	if loads := c.loads.Load(); loads > 2 {
		t.Errorf("two readings within a second or so were %d", loads)
	}
	var data struct{ Value int64 }
	api := do(t, browser(t), http.MethodGet, server.URL+"/navvy/api/v1/counter", nil, "Accept", "application/json")
	if err := json.Unmarshal([]byte(api.body), &data); err != nil || api.StatusCode != http.StatusOK {
		t.Errorf("as JSON: %d %s, %v", api.StatusCode, api.body, err)
	}
	for of, status := range map[string]int{"nothing": 404, "broken": 503, "else": 400} {
		for _, prefix := range []string{"/navvy", "/navvy/api/v1"} {
			if got := do(t, browser(t), http.MethodGet, server.URL+prefix+"/counter?of="+of, nil); got.StatusCode != status {
				t.Errorf("%s of %s: %d, want %d", prefix, of, got.StatusCode, status)
			}
		}
	}
}

// Only operators act, the trail says who did, and the next look shows it.
func TestActionsOfAPluggedPage(t *testing.T) {
	t.Parallel()
	var c counter
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", `{}`) // there is a form on the page of queues
	read, _, tokens := credentials(t)
	cfg := dashboard.Config{Redis: rdb, Namespace: namespace, Auth: passwords(t, read), Pages: []dashboard.Page{c.page()}}
	server := board(t, cfg)
	cfg.ReadOnly = true
	refusesAll(t, server, board(t, cfg), tokens, "/counter/add", url.Values{})
	if n := c.value.Load(); n != 0 {
		t.Fatalf("somebody has counted to %d", n)
	}
	for _, path := range []string{"/counter", "/api/v1/counter"} {
		if got := do(t, browser(t), http.MethodGet, server.URL+path, nil); got.StatusCode != http.StatusSeeOther {
			t.Errorf("nobody may see %s: %d", path, got.StatusCode)
		}
	}
	olga, vera := browser(t), browser(t)
	login(t, olga, server, "olga")
	login(t, vera, server, "vera")
	if page := do(t, vera, http.MethodGet, server.URL+"/counter", nil); strings.Contains(page.body, "<button>Add") {
		t.Error("a viewer is offered the action")
	}
	form := url.Values{"csrf": {csrfOf(t, olga, server.URL+"/counter")}, "back": {"/counter?x=1"}}
	got := do(t, olga, http.MethodPost, server.URL+"/counter/add", form)
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/counter?x=1" {
		t.Fatalf("%d to %q\n%s", got.StatusCode, got.Header.Get("Location"), got.body)
	}
	page := do(t, olga, http.MethodGet, server.URL+"/counter", nil)
	for _, want := range []string{"It is 1!.", "Added one.", `action="/counter/sub"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("after the action the page lacks %q\n%s", want, page.body)
		}
	}
	form.Set("by", "zero")
	do(t, olga, http.MethodPost, server.URL+"/counter/add", form)
	if page := do(t, olga, http.MethodGet, server.URL+"/counter", nil); !strings.Contains(
		page.body, "Not done: by zero &lt;is&gt; nothing") {
		t.Errorf("why nothing was done is not shown\n%s", page.body)
	}
	trail := do(t, olga, http.MethodGet, server.URL+"/audit", nil)
	if strings.Count(trail.body, "counter.add") != 1 || !strings.Contains(trail.body, "olga") {
		t.Errorf("the audit trail:\n%s", trail.body)
	}
}

func TestPagesThatAreRefused(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	with := func(change func(p *dashboard.Page)) []dashboard.Page {
		var c counter
		p := c.page()
		change(&p)
		return []dashboard.Page{p}
	}
	path := func(path string) []dashboard.Page { return with(func(p *dashboard.Page) { p.Path = path }) }
	for name, pages := range map[string][]dashboard.Page{
		"no path":               path(""),
		"two words":             path("/a/b"),
		"a wildcard":            path("/{a}"),
		"a page of its own":     path("/queues"),
		"the overview's JSON":   path("/overview"),
		"an address of its own": path("/operations"),
		"the login":             path("/login"),
		"twice the same":        append(path("/a"), path("/a")...),
		"no title":              with(func(p *dashboard.Page) { p.Title = "" }),
		"no Load":               with(func(p *dashboard.Page) { p.Load = nil }),
		"no content":            with(func(p *dashboard.Page) { p.Template = "<p>" }),
		"an unknown function":   with(func(p *dashboard.Page) { p.Funcs = nil }),
		"no action":             with(func(p *dashboard.Page) { p.Actions["sub"] = nil }),
		"an action of two words": with(func(p *dashboard.Page) {
			p.Actions["sub/one"] = p.Actions["add"]
		}),
	} {
		d, err := dashboard.New(dashboard.Config{Redis: rdb, Auth: dashboard.Open{}, Pages: pages})
		if err == nil {
			_ = d.Close()
			t.Errorf("%s: accepted", name)
			continue
		}
		if !strings.HasPrefix(err.Error(), "dashboard: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
