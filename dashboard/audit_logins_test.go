package dashboard_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/dashboard/audit"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

func TestLoginsAndRefusalsAreAudited(t *testing.T) {
	t.Parallel()
	read, _, tokens := credentials(t)
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: passwords(t, read)})
	client := browser(t)
	login(t, client, server, "olga")
	do(t, client, http.MethodPost, server.URL+"/logout", url.Values{})
	for _, name := range []string{"olga", "my password by mistake"} {
		do(t, browser(t), http.MethodPost, server.URL+"/login", url.Values{"name": {name}, "password": {"wrong"}})
	}
	do(t, browser(t), http.MethodPost, server.URL+"/queues/pause", url.Values{"queue": {"q"}}, "Authorization",
		"Bearer "+tokens["vera"])
	do(t, browser(t), http.MethodGet, server.URL+"/queues", nil, "Authorization", "Bearer navvy_x")
	do(t, browser(t), http.MethodPost, server.URL+"/queues/pause", url.Values{}, "Origin", "https://evil.example")
	trail := audit.New(rdb, namespace)
	whats := func(of *audit.Trail) (all []string) {
		entries, err := of.List(t.Context(), "", 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Address != "127.0.0.1" || strings.Contains(e.Who+e.Target+e.Detail, "mistake") {
				t.Errorf("%+v", e)
			}
			all = append(all, strings.TrimSpace(e.What+" "+e.Who))
		}
		slices.Reverse(all)
		return all
	}
	if got, want := whats(trail), []string{"login olga", "logout olga"}; !slices.Equal(got, want) {
		t.Errorf("done: %q, want %q", got, want)
	}
	want := []string{"login.failed olga", "login.failed", "role.refused vera-bot", "token.unknown", "form.foreign"}
	if got := whats(trail.Refused()); !slices.Equal(got, want) {
		t.Errorf("refused: %q, want %q", got, want)
	}
	for query, first := range map[string]string{"": "login", "?refused=1": "login.failed"} {
		got := do(t, browser(t), http.MethodGet, server.URL+"/audit/export"+query, nil, "Authorization",
			"Bearer "+tokens["vera"])
		lines := bufio.NewScanner(strings.NewReader(got.body))
		var e audit.Entry
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &e) != nil || e.What != first {
			t.Errorf("export%s: %d\n%s", query, got.StatusCode, got.body)
		}
	}
}

// The trail is for viewers too: what is hidden on pages is hidden there.
func TestAnEditIsAuditedWithOldAndNewData(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const id = "edited"
	data := queue.JSON("k", []byte(`{"cents":1,"card":"4111-old"}`))
	if _, err := client.Enqueue(t.Context(), data, queue.On("orders"), queue.ID(id)); err != nil {
		t.Fatal(err)
	}
	server := board(t, dashboard.Config{
		Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}, Mask: dashboard.DefaultMask,
	})
	person := browser(t)
	json := []string{"Accept", "application/json", "Sec-Fetch-Site", "same-origin"}
	edit := url.Values{"queue": {"orders"}, "id": {id}, "data": {`{"cents":2,"card":"4111-new"}`}}
	changed := func(path string) {
		t.Helper()
		if got := do(t, person, http.MethodPost, server.URL+path, edit, json...); got.StatusCode != 200 {
			t.Fatalf("%s: %d %s", path, got.StatusCode, got.body)
		}
		entries, err := audit.New(rdb, namespace).List(t.Context(), "", 1)
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		e := entries[0]
		if !strings.Contains(e.Before, `"cents":1`) || !strings.Contains(e.After, `"cents":2`) ||
			strings.Contains(e.Before+e.After, "4111") {
			t.Errorf("%s: %+v", path, e)
		}
	}
	changed("/jobs/edit")
	edit.Set("data", `{"cents":3,"card":"••••"}`)
	edit.Set("data", strings.ReplaceAll(edit.Get("data"), `\u2022`, "•"))
	if got := do(t, person, http.MethodPost, server.URL+"/jobs/edit", edit, json...); got.StatusCode != 400 {
		t.Errorf("what is hidden replaces the data: %d %s", got.StatusCode, got.body)
	}
	edit.Set("data", `{"cents":1,"card":"4111-old"}`)
	if got := do(t, person, http.MethodPost, server.URL+"/jobs/edit", edit, json...); got.StatusCode != 200 {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	bury := url.Values{"queue": {"orders"}, "state": {"waiting"}, "action": {"bury"}, "id": {id}}
	if got := do(t, person, http.MethodPost, server.URL+"/jobs/act", bury, json...); got.StatusCode != 200 {
		t.Fatalf("bury: %d %s", got.StatusCode, got.body)
	}
	edit.Set("data", `{"cents":2,"card":"4111-new"}`)
	if got := do(t, person, http.MethodPost, server.URL+"/jobs/edit", edit, json...); got.StatusCode != 404 {
		t.Errorf("of a dead job: %d %s", got.StatusCode, got.body)
	}
	changed("/jobs/requeue-with")
}
