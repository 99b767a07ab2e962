package problem_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/navvy-go/navvy/internal/problem"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		document problem.Document
		advice   string // in the answer before
		status   int
		after    string
		body     string
		fails    bool
	}{
		"every member": {
			document: problem.Document{
				Type: "https://example.com/#full", Title: "Full", Status: 503, Detail: "Nothing was done.", Instance: "/v1/jobs",
				RequestID: "r-1", Results: []int{1, 2}, RetryAfter: 10,
			},
			status: 503, after: "10",
			body: `{"type":"https://example.com/#full","title":"Full","status":503,"detail":"Nothing was done.",` +
				`"instance":"/v1/jobs","request_id":"r-1","results":[1,2]}`,
		},
		"status alone": {
			document: *problem.ForStatus(http.StatusNotFound, ""), status: 404,
			body: `{"type":"about:blank","title":"Not Found","status":404}`,
		},
		"advice is kept": {
			document: problem.Document{Type: "about:blank", Title: "Busy", Status: 503, RetryAfter: 1}, advice: "60",
			status: 503, after: "60", body: `{"type":"about:blank","title":"Busy","status":503}`,
		},
		"results that are no JSON": {
			document: problem.Document{Status: 422, Results: json.RawMessage("{"), Instance: "/a"}, status: 500, fails: true,
			body: `{"type":"about:blank","title":"Internal Server Error","status":500,"instance":"/a"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			if test.advice != "" {
				w.Header().Set("Retry-After", test.advice)
			}
			if err := test.document.Write(w); (err != nil) != test.fails {
				t.Errorf("error %v", err)
			}
			if w.Code != test.status || w.Body.String() != test.body {
				t.Errorf("got %d %s, want %d %s", w.Code, w.Body, test.status, test.body)
			}
			for header, want := range map[string]string{
				"Content-Type": "application/problem+json", "Cache-Control": "no-store", "Retry-After": test.after,
				"Content-Length": strconv.Itoa(len(test.body)),
			} {
				if got := w.Header().Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
		})
	}
}

func TestErrorHasTitleAndDetail(t *testing.T) {
	t.Parallel()
	for want, document := range map[string]*problem.Document{
		"Not Found":            problem.ForStatus(404, ""),
		"Not Found: No queue.": problem.ForStatus(404, "No queue."),
	} {
		if got := document.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
