package dashboard_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// enqueue puts a job on a queue.
func enqueue(t *testing.T, rdb redis.UniversalClient, namespace, name string, data string) {
	t.Helper()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Enqueue(t.Context(), queue.JSON("k", []byte(data)), queue.On(name)); err != nil {
		t.Fatal(err)
	}
}

func inspector(t *testing.T, rdb redis.UniversalClient, namespace string) *inspect.Inspector {
	t.Helper()
	made, err := inspect.New(rdb, inspect.Config{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

var csrfField = regexp.MustCompile(`name="csrf" value="([0-9a-f]{64})"`)

// csrf reads the token from a page of the operator's.
func csrf(t *testing.T, client *http.Client, server *httptest.Server) string {
	t.Helper()
	page := do(t, client, http.MethodGet, server.URL+"/queues", nil)
	found := csrfField.FindStringSubmatch(page.body)
	if found == nil {
		t.Fatalf("no form on the page:\n%s", page.body)
	}
	return found[1]
}

func TestPauseUndoAudit(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", `{}`)
	read, _, _ := credentials(t)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: passwords(t, read)})
	client := browser(t)
	login(t, client, server, "olga")
	form := url.Values{"queue": {"orders"}, "back": {"/queues"}, "csrf": {csrf(t, client, server)}}
	got := do(t, client, http.MethodPost, server.URL+"/queues/pause", form)
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/queues" {
		t.Fatalf("pause: %d to %q\n%s", got.StatusCode, got.Header.Get("Location"), got.body)
	}
	page := do(t, client, http.MethodGet, server.URL+"/queues", nil)
	for _, want := range []string{"paused by olga", "Undo", "Resume"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("after the pause, the page lacks %q:\n%s", want, page.body)
		}
	}
	if again := do(t, client, http.MethodGet, server.URL+"/queues", nil); strings.Contains(again.body, "Undo") {
		t.Error("the notice is shown twice")
	}
	do(t, client, http.MethodPost, server.URL+"/queues/resume", form)
	if info, err := inspector(t, rdb, namespace).Queue(t.Context(), "orders"); err != nil || info.Paused != nil {
		t.Errorf("after the resume: %+v, %v", info.Paused, err)
	}
	trail := do(t, client, http.MethodGet, server.URL+"/audit", nil)
	for _, want := range []string{"olga", "queue.pause", "queue.resume", "orders"} {
		if !strings.Contains(trail.body, want) {
			t.Errorf("the audit trail lacks %q", want)
		}
	}
}

func TestWhoMayAct(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", `{}`)
	read, _, tokens := credentials(t)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: passwords(t, read)})
	readOnly := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: passwords(t, read), ReadOnly: true})
	olga, vera := browser(t), browser(t)
	login(t, olga, server, "olga")
	login(t, vera, server, "vera")
	token := csrf(t, olga, server)
	post := func(client *http.Client, server *httptest.Server, token string, headers ...string) int {
		return do(t, client, http.MethodPost, server.URL+"/queues/pause", url.Values{"queue": {"orders"}, "csrf": {token}},
			headers...).StatusCode
	}
	for name, status := range map[string]int{
		"nobody":                          post(browser(t), server, token),
		"a viewer":                        post(vera, server, token),
		"a viewer's token":                post(browser(t), server, "", "Authorization", "Bearer "+tokens["vera"]),
		"an operator without CSRF":        post(olga, server, ""),
		"an operator with another's CSRF": post(olga, server, strings.Repeat("0", 64)),
		"an operator who may only read":   post(browser(t), readOnly, "", "Authorization", "Bearer "+tokens["olga"]),
		"a GET": do(t, olga, http.MethodGet, server.URL+"/queues/pause?queue=orders",
			nil).StatusCode,
		"an operator, of an unknown queue": do(t, olga, http.MethodPost, server.URL+"/queues/pause",
			url.Values{"queue": {"nope"}, "csrf": {token}}, "Accept", "application/json").StatusCode,
	} {
		if status < 400 {
			t.Errorf("%s: %d", name, status)
		}
	}
	if info, err := inspector(t, rdb, namespace).Queue(t.Context(), "orders"); err != nil || info.Paused != nil {
		t.Fatalf("somebody has paused the queue: %+v, %v", info.Paused, err)
	}
	if status := post(browser(t), server, "", "Authorization", "Bearer "+tokens["olga"]); status >= 400 {
		t.Errorf("an operator's token: %d", status)
	}
}

func TestAPI(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", `{}`)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	got := do(t, browser(t), http.MethodGet, server.URL+"/api/v1/queues", nil, "Accept", "application/json")
	var body struct {
		Queues []inspect.QueueInfo `json:"queues"`
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || len(body.Queues) != 1 || body.Queues[0].Waiting != 1 {
		t.Errorf("%d %s, %v", got.StatusCode, got.body, err)
	}
}

func TestProgramsGetProblemDocuments(t *testing.T) {
	t.Parallel()
	read, _, tokens := credentials(t)
	server := board(t, dashboard.Config{Auth: passwords(t, read), Prefix: "/navvy"})
	for name, test := range map[string]struct {
		method, path, token string
		status              int
	}{
		"nobody":            {http.MethodGet, "/navvy/api/v1/queues", "", http.StatusUnauthorized},
		"a wrong parameter": {http.MethodGet, "/navvy/api/v1/audit?cursor=x", "vera", http.StatusBadRequest},
		"a viewer who acts": {http.MethodPost, "/navvy/api/v1/queues/pause", "vera", http.StatusForbidden},
		"an unknown queue":  {http.MethodPost, "/navvy/queues/pause", "olga", http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			headers := []string{"Accept", "application/json"}
			if test.token != "" {
				headers = append(headers, "Authorization", "Bearer "+tokens[test.token])
			}
			got := do(t, browser(t), test.method, server.URL+test.path, url.Values{"queue": {"nope"}}, headers...)
			var body struct {
				Type, Title, Detail, Instance string
				Status                        int
			}
			path, _, _ := strings.Cut(test.path, "?")
			if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.StatusCode != test.status ||
				got.Header.Get("Content-Type") != "application/problem+json" || body.Status != test.status ||
				body.Title != http.StatusText(test.status) || body.Detail == "" || body.Instance != path {
				t.Errorf("%d %v\n%s, %v", got.StatusCode, got.Header, got.body, err)
			}
		})
	}
}

func TestPrefix(t *testing.T) {
	t.Parallel()
	read, _, _ := credentials(t)
	server := board(t, dashboard.Config{Auth: passwords(t, read), Prefix: "/navvy"})
	if got := do(t, browser(t), http.MethodGet, server.URL+"/navvy/",
		nil); got.Header.Get("Location") != "/navvy/login?next=%2Fnavvy%2F" {
		t.Errorf("leads to %q", got.Header.Get("Location"))
	}
	client := browser(t)
	got := do(t, client, http.MethodPost, server.URL+"/navvy/login",
		url.Values{"name": {"vera"}, "password": {plain}, "next": {"/elsewhere"}})
	if got.Header.Get("Location") != "/navvy/" {
		t.Errorf("leads to %q", got.Header.Get("Location"))
	}
	page := do(t, client, http.MethodGet, server.URL+"/navvy/queues", nil)
	for _, link := range regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(page.body, -1) {
		if !strings.HasPrefix(link[1], "/navvy/") && !strings.HasPrefix(link[1], "#") {
			t.Errorf("the page links to %q, outside of the prefix", link[1])
		}
	}
}

func TestPathTraversalAndHeaderInjection(t *testing.T) {
	t.Parallel()
	server := board(t, dashboard.Config{Auth: dashboard.Open{}})
	for _, path := range []string{"/assets/../layout.html", "/assets/%2e%2e/layout.html", "/assets/..%2flayout.html",
		"/assets/../../auth.go", "/assets/"} {
		got := do(t, browser(t), http.MethodGet, server.URL+path, nil)
		if strings.Contains(got.body, "{{") || strings.Contains(got.body, "package dashboard") {
			t.Errorf("%s leads out of the assets: %d\n%s", path, got.StatusCode, got.body)
		}
	}
	if got := do(t, browser(t), http.MethodGet, server.URL+"/assets/", nil); got.StatusCode != http.StatusNotFound {
		t.Errorf("/assets/ lists the assets: %d\n%s", got.StatusCode, got.body)
	}
	got := do(t, browser(t), http.MethodPost, server.URL+"/queues/pause",
		url.Values{"queue": {"a\r\nX-Evil: 1"}, "back": {"/queues\r\nX-Evil: 1"}})
	if got.Header.Get("X-Evil") != "" {
		t.Error("a header was injected")
	}
}

// A browser drops a cookie of more than 4096 bytes: the notice would be lost.
func TestALongNoticeFitsIntoACookie(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", `{}`)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}, Secure: true})
	client := browser(t)
	form := url.Values{"queue": {strings.Repeat("<&\"", 2000)}, "csrf": {csrf(t, client, server)}}
	got := do(t, client, http.MethodPost, server.URL+"/queues/pause", form)
	if got.StatusCode != http.StatusSeeOther || len(got.Cookies()) != 1 {
		t.Fatalf("%d, cookies %v\n%s", got.StatusCode, got.Cookies(), got.body)
	}
	cookie := got.Cookies()[0]
	if size := len(cookie.Name) + len(cookie.Value); size < 200 || size > 4096 || !cookie.Secure {
		t.Errorf("a cookie of %d bytes, secure: %t", size, cookie.Secure)
	}
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/queues", nil)
	request.AddCookie(cookie)
	response, err := browser(t).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); !strings.Contains(string(body), "Not done: ") {
		t.Errorf("the notice is not shown:\n%s", body)
	}
}

// A request that is under way while the monitor stops begins nothing that nobody would wait for.
func TestNothingBeginsAfterTheEnd(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", `{}`)
	d, err := dashboard.New(dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d)
	defer server.Close()
	client := browser(t)
	form := url.Values{"queue": {"orders"}, "state": {"waiting"}, "action": {"cancel"}, "scope": {"matching"},
		"confirm": {"yes"},
		"csrf":    {csrf(t, client, server)}}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	got := do(t, client, http.MethodPost, server.URL+"/jobs/act", form, "Accept", "application/json")
	if got.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got.body, "stopping") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}
