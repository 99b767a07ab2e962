//go:build !fuzz

package gateway_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
)

// described is the document, as its tools read it.
var described = sync.OnceValues(func() (validator.Validator, error) {
	text, err := os.ReadFile("openapi.json")
	if err != nil {
		return nil, err
	}
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	checker, errs := validator.NewValidator(document)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return checker, nil
})

// seen are the documented responses that tests got, as "POST /v1/orders 202".
var seen struct {
	sync.Mutex
	responses map[string]bool
	checking  sync.Mutex
}

// operations are those of the document: its responses, by "POST /v1/orders".
var operations = sync.OnceValue(func() map[string][]string {
	var document struct {
		Paths map[string]map[string]struct{ Responses map[string]any }
	}
	text, err := os.ReadFile("openapi.json")
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	if err != nil {
		panic(err)
	}
	found := map[string][]string{}
	for path, methods := range document.Paths {
		for method, operation := range methods {
			found[strings.ToUpper(method)+" "+path] = slices.Sorted(maps.Keys(operation.Responses))
		}
	}
	return found
})

// checkDocumented holds an answer against the document, and notes that it was seen. What every route answers, to
// other methods and other paths, is not listed for each.
func (a *app) checkDocumented(response *http.Response) {
	a.Helper()
	if response.StatusCode == http.StatusMethodNotAllowed || response.StatusCode == http.StatusNotFound &&
		operationOf(response) == "" {
		return
	}
	checker, err := described()
	a.must(err)
	seen.checking.Lock() // the validator is not safe for concurrent use
	good, problems := checker.ValidateHttpResponse(response.Request, response)
	seen.checking.Unlock()
	for _, p := range problems {
		if !good {
			a.Errorf("%s %s: not as documented: %s: %s: %v", response.Request.Method, response.Request.URL.Path, p.Message,
				p.Reason, p.SchemaValidationErrors)
		}
	}
	seen.Lock()
	defer seen.Unlock()
	if seen.responses == nil {
		seen.responses = map[string]bool{}
	}
	seen.responses[fmt.Sprintf("%s %d", operationOf(response), response.StatusCode)] = true
}

// operationOf finds the operation of the document that a request is for, or "".
func operationOf(response *http.Response) string {
	asked := strings.Split(response.Request.URL.Path, "/")
	for operation := range operations() {
		method, path, _ := strings.Cut(operation, " ")
		if method == response.Request.Method &&
			slices.EqualFunc(strings.Split(path, "/"), asked, func(p, segment string) bool {
				return p == segment || strings.HasPrefix(p, "{")
			}) {
			return operation
		}
	}
	return ""
}

// hard are responses that come from a fault or a race: one of each is enough.
var hard = []string{"409", "500", "504"}

// unseen lists the documented responses that no test got.
func unseen() (missing []string) {
	seen.Lock()
	defer seen.Unlock()
	once := map[string]bool{}
	for got := range seen.responses {
		once[got[len(got)-3:]] = true
	}
	for operation, statuses := range operations() {
		for _, status := range statuses {
			if !seen.responses[operation+" "+status] && !(slices.Contains(hard, status) && once[status]) {
				missing = append(missing, operation+" "+status)
			}
		}
	}
	slices.Sort(missing)
	return missing
}

func TestDocumentIsValidAndListsEveryRoute(t *testing.T) {
	t.Parallel()
	checker, err := described()
	if err != nil {
		t.Fatal(err)
	}
	if good, problems := checker.ValidateDocument(); !good {
		for _, p := range problems {
			t.Errorf("%s: %s: %v", p.Message, p.Reason, p.SchemaValidationErrors)
		}
	}
	a := newApp(t)
	routes := a.handler.Routes()
	for _, route := range routes {
		if operations()[route] == nil {
			t.Errorf("%s is not in the document", route)
		}
	}
	for operation := range operations() {
		if !slices.Contains(routes, operation) {
			t.Errorf("%s is in the document, and not served", operation)
		}
	}
	served := a.gets(200, ask{method: "GET", path: "/openapi.json", anonymous: true})
	if text, err := os.ReadFile("openapi.json"); err != nil || string(text) != string(served.body) {
		t.Errorf("the document that is served is another: %v", err)
	}
}
