package dashboard_test

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// turned is a text that reads from right to left, in which a person sees another one.
const turned = "safe\u202egnp.exe\u2066"

func TestWhatIsNotShownIsEscaped(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", `{"file":"`+turned+`"}`)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	jobs, err := inspector(t, rdb, namespace).Search(t.Context(), "orders", inspect.Query{State: inspect.StateWaiting},
		inspect.Page{})
	if err != nil || len(jobs.Jobs) != 1 {
		t.Fatal(jobs, err)
	}
	job := "/queues/orders/jobs/" + url.PathEscape(jobs.Jobs[0].Name())
	for _, path := range []string{"/waiting", job, "/api/v1/waiting", "/api/v1" + job} {
		page := do(t, browser(t), http.MethodGet, server.URL+path, nil)
		if strings.Contains(page.body, "\u202e") || !strings.Contains(page.body, `safe\u202egnp.exe\u2066`) {
			t.Errorf("%s: %d\n%s", path, page.StatusCode, page.body)
		}
		if strings.HasPrefix(path, "/api") && !json.Valid([]byte(page.body)) {
			t.Errorf("%s is no JSON: %s", path, page.body)
		}
	}
	for _, path := range []string{"/dead?q=" + url.QueryEscape(turned), "/dead?cursor=" + url.QueryEscape(turned)} {
		page := do(t, browser(t), http.MethodGet, server.URL+path, nil)
		for line := range strings.Lines(page.body) {
			if strings.Contains(line, "\u202e") && !strings.Contains(line, "value=") {
				t.Errorf("%s: %s", path, line)
			}
		}
	}
}

// What a link and a form's way back name is the job, whatever its ID has in it.
func TestLinksAreEncoded(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const id = `a/b?c=d&e#f%41"g`
	if _, err := client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), queue.On("orders"), queue.ID(id)); err != nil {
		t.Fatal(err)
	}
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	address := "/queues/orders/jobs/" + url.PathEscape(id)
	shown := html.EscapeString(address)
	list := do(t, browser(t), http.MethodGet, server.URL+"/waiting", nil)
	if !strings.Contains(list.body, `href="`+shown+`"`) {
		t.Errorf("no link to %s:\n%s", address, list.body)
	}
	page := do(t, browser(t), http.MethodGet, server.URL+address, nil)
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, `name="back" value="`+shown+`"`) {
		t.Errorf("%d, no way back to %s:\n%s", page.StatusCode, address, page.body)
	}
}
