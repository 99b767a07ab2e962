package cache_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/jobs/cache"
)

// step is a request, and what the answer must be: from the cache or not, and with which of the handler's pages.
type step struct {
	request string // a method, or GET and headers, separated by "; "
	verdict string // X-Cache; "pass" for none
	body    string
}

// TestRFC9111 runs through what the RFC demands of a shared cache that answers from what it has. The handler numbers
// its answers: "page 2" was made by its second run.
func TestRFC9111(t *testing.T) {
	t.Parallel()
	first := step{"", "MISS", "page 1"}
	again := []step{first, {"", "MISS", "page 2"}} // not stored
	kept := []step{first, {"", "HIT", "page 1"}}
	pastDate := time.Now().Add(-50 * time.Second).UTC().Format(http.TimeFormat)
	for _, test := range []struct {
		section, must string
		status        int
		headers       []string
		steps         []step
	}{
		{"3", "store what has an explicit lifetime", 200, []string{"Cache-Control: max-age=60"}, kept},
		{"3", "store a status that is heuristically cacheable", 410, nil, kept},
		{"3", "not store another status without a lifetime", 404, nil, again},
		{"3", "not store an answer to a method it does not know", 200, nil, []step{{"PROPFIND", "pass", "page 1"},
			{"", "MISS", "page 2"}}},
		{"3", "not store an answer to HEAD", 200, nil, []step{{"HEAD", "pass", "page 1"}, {"", "MISS", "page 2"}}},
		{"3", "not store a status that it does not understand", 299, []string{"Cache-Control: max-age=60"}, again},
		{"3", "not store no-store", 200, []string{"Cache-Control: max-age=60, no-store"}, again},
		{"3", "not store private", 200, []string{"Cache-Control: max-age=60", "Cache-Control: Private"}, again},
		{"3", "not store private with a field name", 200, []string{`Cache-Control: private="X-A, X-B", max-age=60`}, again},
		{"3.3", "not store a part", 206, []string{"Cache-Control: max-age=60", "Content-Range: bytes 0-1/9"}, again},
		{"3.5", "not use it for, nor store it of, a request with Authorization", 200, []string{"Cache-Control: max-age=60"},
			[]step{{"Authorization: Bearer a", "pass", "page 1"}, {"", "MISS", "page 2"},
				{"Authorization: Bearer a", "pass", "page 3"}}},
		{"4", "not use what must be validated first", 200, []string{"Cache-Control: max-age=60, no-cache"}, again},
		{"4", "not use it where the request demands validation", 200, nil, []step{first, {"Cache-Control: no-cache", "MISS",
			"page 2"}, {"", "HIT", "page 2"}}},
		{"4.1", "not use it where a header of Vary differs", 200, []string{"Vary: Accept, X-A"}, []step{
			{"Accept: a; X-A: 1", "MISS", "page 1"}, {"Accept: a; X-A: 2", "MISS", "page 2"}, {"Accept: a", "MISS", "page 3"},
			{"Accept: a; X-A: 1", "HIT", "page 1"}, {"Accept: a; X-A: 2", "HIT", "page 2"}}},
		{"4.1", "not use it where the host differs that Vary names", 200, []string{"Vary: Host"}, []step{
			{"Host: a.example", "MISS", "page 1"}, {"Host: b.example", "MISS", "page 2"}, {"Host: a.example", "HIT", "page 1"}}},
		{"4.1", "not use what varies by all", 200, []string{"Vary: Accept", "Vary: X-A, *"}, again},
		{"4.2.1", "prefer s-maxage", 200, []string{"Cache-Control: max-age=60, s-maxage=0"}, again},
		{"4.2.1", "prefer max-age to Expires", 200, []string{"Cache-Control: max-age=60", "Expires: 0"}, kept},
		{"4.2.1", "use the first of two", 200, []string{"Cache-Control: max-age=0", "Cache-Control: max-age=60"}, again},
		{"4.2.1", "take a lifetime that is no number for none", 200, []string{"Cache-Control: max-age=1e3"}, again},
		{"4.2.3", "count the age that it came with", 200, []string{"Cache-Control: max-age=60", "Age: 60"}, again},
		{"4.2.3", "count from its date", 200, []string{"Cache-Control: max-age=40", "Date: " + pastDate}, again},
		{"4.2.4", "not serve it stale with must-revalidate", 200, []string{
			"Cache-Control: max-age=60, must-revalidate, stale-while-revalidate=600"},
			[]step{first, {"+61s", "", ""}, {"", "MISS", "page 2"}}},
		{"4.2.4", "not serve it stale with proxy-revalidate", 200, []string{
			"Cache-Control: max-age=60, proxy-revalidate, stale-while-revalidate=600"},
			[]step{first, {"+61s", "", ""}, {"", "MISS", "page 2"}}},
		{"4.2.4", "not serve it stale unless that is allowed", 200, []string{"Cache-Control: max-age=60"},
			[]step{first, {"+61s", "", ""}, {"", "MISS", "page 2"}}},
		{"4.3.2", "leave If-Match to the handler", 200, nil, []step{first, {"If-Match: *", "pass", "page 2"}}},
		{"4.4", "invalidate after POST", 200, nil, []step{first, {"POST", "pass", "page 2"}, {"", "MISS", "page 3"}}},
		{"4.4", "invalidate after a method it does not know", 200, nil, []step{first, {"FROB", "pass", "page 2"},
			{"", "MISS", "page 3"}}},
		{"4.4", "not invalidate after a safe method", 200, nil, []step{first, {"OPTIONS", "pass", "page 2"},
			{"TRACE", "pass", "page 3"}, {"", "HIT", "page 1"}}},
		{"5.2.1.5", "not store what the request forbids", 200, nil, []step{{"Cache-Control: no-store", "pass", "page 1"},
			{"", "MISS", "page 2"}}},
		{"5.2.2.10", "not serve s-maxage stale", 200, []string{"Cache-Control: s-maxage=60, stale-while-revalidate=600"},
			[]step{first, {"+61s", "", ""}, {"", "MISS", "page 2"}}},
		{"5.2.3", "ignore what it does not know", 200, []string{`Cache-Control: max-age=60, x="a, no-store, b", y`}, kept},
		{"5.2.3", "read no directive out of a string", 200, []string{`Cache-Control: x="\", public, ", max-age=60`},
			[]step{{"Cookie: a=b", "MISS", "page 1"}, {"Cookie: a=b", "MISS", "page 2"}}},
		{"5.3", "take a bad Expires for the past", 200, []string{"Expires: tomorrow"}, again},
		{"5.4", "know Pragma where there is no Cache-Control", 200, nil, []step{first, {"Pragma: no-cache", "MISS", "page 2"},
			{"Pragma: no-cache; Cache-Control: max-age=60", "HIT", "page 2"}}},
	} {
		t.Run(test.section+" must "+test.must, func(t *testing.T) {
			t.Parallel()
			var s *site
			s = newSite(t, cache.PageConfig{}, func(w http.ResponseWriter, r *http.Request) {
				add(w.Header(), test.headers)
				w.WriteHeader(test.status)
				s.numbered(w, r)
			})
			for i, step := range test.steps {
				s.follow(i, step)
			}
		})
	}
}

// follow takes one step, or lets time pass.
func (s *site) follow(i int, step step) {
	s.t.Helper()
	if span, found := strings.CutPrefix(step.request, "+"); found {
		d, err := time.ParseDuration(span)
		must(s.t, err)
		s.pass(d)
		return
	}
	method, headers := http.MethodGet, strings.Split(step.request, "; ")
	if step.request != "" && !strings.Contains(step.request, ":") {
		method, headers = step.request, nil
	}
	if step.request == "" {
		headers = nil
	}
	answer, body := s.ask(method, "/", headers...)
	verdict := answer.Header.Get("X-Cache")
	if verdict == "" {
		verdict = "pass"
	}
	if verdict != step.verdict || body != step.body {
		s.t.Errorf("step %d, %s: %s %q, want %s %q", i, step.request, verdict, body, step.verdict, step.body)
	}
}

// RFC 9111, section 4.4: whatever the headers of the request.
func TestAnUnsafeRequestInvalidates(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"PUT", "POST", "PATCH", "DELETE", "FROB"} {
		for _, how := range []string{"X-None: 1", "Authorization: Bearer x", "Cache-Control: no-store", "Range: bytes=0-1",
			"Cookie: a=b", "Upgrade: x", "If-Match: *", "Cache-Control: only-if-cached"} {
			s := numberedSite(t, cache.PageConfig{})
			s.saw("MISS", "page 1", "/")
			_, _ = s.ask(method, "/", how)
			s.saw("MISS", "page 3", "/")
		}
	}
}

// A client that has the answer to its change must not get the page of before, though the handler goes on.
func TestThePageGoesBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	var s *site
	s = newSite(t, cache.PageConfig{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			s.numbered(w, r)
			return
		}
		for _, status := range []int{http.StatusEarlyHints, http.StatusOK, http.StatusInternalServerError} {
			w.WriteHeader(status) // the last one is too late to count
		}
		s.saw("MISS", "page 3", "/")
	})
	s.saw("MISS", "page 1", "/")
	_, _ = s.ask(http.MethodPost, "/")
	s.saw("MISS", "page 4", "/")
}

func TestAPanicAfterAChangeInvalidates(t *testing.T) {
	t.Parallel()
	var s *site
	s = newSite(t, cache.PageConfig{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			panic(http.ErrAbortHandler)
		}
		s.numbered(w, r)
	})
	s.saw("MISS", "page 1", "/")
	func() {
		defer func() { _ = recover() }()
		_, _ = s.ask(http.MethodPost, "/")
	}()
	s.saw("MISS", "page 3", "/")
}

// RFC 9111, sections 3.3 and 5.1.
func TestIncompleteAndOldPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, cache.PageConfig{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/short":
			w.Header().Set("Content-Length", "100")
		case "/trailer":
			w.Header().Set("Trailer", "X-Sum")
		case "/old":
			w.Header().Set("Age", "30, 40")
		}
		fmt.Fprint(w, "part")
		switch r.URL.Path {
		case "/trailer":
			w.Header().Set("X-Sum", "42")
		case "/late-trailer":
			w.Header().Set(http.TrailerPrefix+"X-Sum", "42")
		}
	})
	for _, path := range []string{"/short", "/trailer", "/late-trailer"} {
		for range 2 {
			answer := s.saw("MISS", "part", path)
			if strings.HasSuffix(path, "trailer") && answer.Trailer.Get("X-Sum") != "42" {
				t.Errorf("%s: trailers %v", path, answer.Trailer)
			}
		}
	}
	if age := s.saw("MISS", "part", "/old").Header.Get("Age"); age != "30" {
		t.Errorf("first Age %q, want 30", age)
	}
	s.pass(5 * time.Second)
	if age := s.saw("HIT", "part", "/old").Header.Get("Age"); age != "35" {
		t.Errorf("Age %q, want 35", age)
	}
}
