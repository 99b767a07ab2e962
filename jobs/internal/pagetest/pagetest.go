// Package pagetest opens the dashboard's page of a feature in tests.
package pagetest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/problem"
	"github.com/navvy-go/navvy/queue"
)

// Evil is text that would run in a browser if a page did not escape it.
const Evil = `<script>alert("x")</script>`

// Server is a dashboard with one page of a feature, open to everybody.
type Server struct{ *httptest.Server }

// Open serves the page until the test ends.
func Open(t *testing.T, rdb redis.UniversalClient, page dashboard.Page) Server {
	t.Helper()
	d, err := dashboard.New(dashboard.Config{
		Redis: rdb, Namespace: queue.DefaultNamespace, Auth: dashboard.Open{}, Pages: []dashboard.Page{page},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d)
	t.Cleanup(func() {
		_ = d.Close()
		server.Close()
	})
	return Server{server}
}

// Status fetches a page and returns its status.
func (s Server) Status(t *testing.T, path string) int {
	t.Helper()
	status, _ := s.get(t, path, "text/html")
	return status
}

// Shows fetches a page, reports which of the texts are not on it, and returns it. A script on it is an error: its data
// is anybody's.
func (s Server) Shows(t *testing.T, path string, texts ...string) string {
	t.Helper()
	status, page := s.get(t, path, "text/html")
	if status != http.StatusOK {
		t.Fatalf("%s: %d\n%s", path, status, page)
	}
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("%s lacks %q", path, text)
		}
	}
	if strings.Contains(page, "<script>") {
		t.Errorf("%s: not escaped", path)
	}
	return page
}

// JSON fetches what a page shows as JSON.
func (s Server) JSON(t *testing.T, path string, into any) {
	t.Helper()
	status, body := s.get(t, "/api/v1"+path, "application/json")
	if err := json.Unmarshal([]byte(body), into); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %v\n%s", path, status, err, body)
	}
}

// Problem fetches a page as JSON, and wants a problem document in its place.
func (s Server) Problem(t *testing.T, path string) (p problem.Document) {
	t.Helper()
	status, body := s.get(t, "/api/v1"+path, "application/json")
	if err := json.Unmarshal([]byte(body), &p); err != nil || p.Status != status {
		t.Fatalf("%s: %d %v\n%s", path, status, err, body)
	}
	return p
}

// Act posts an operator's form, as a browser's script would, and returns the status and the notice as JSON. Fields are
// names and values in turn.
func (s Server) Act(t *testing.T, path string, fields ...string) (status int, notice string) {
	t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	request := s.request(t, http.MethodPost, path, strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	return s.do(t, request)
}

func (s Server) get(t *testing.T, path, accept string) (status int, body string) {
	t.Helper()
	request := s.request(t, http.MethodGet, path, nil)
	request.Header.Set("Accept", accept)
	return s.do(t, request)
}

func (s Server) request(t *testing.T, method, path string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

func (s Server) do(t *testing.T, request *http.Request) (status int, body string) {
	t.Helper()
	response, err := s.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// Must ends the test if there is an error.
func Must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
