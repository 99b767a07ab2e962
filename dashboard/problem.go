package dashboard

import (
	"net/http"
	"strings"

	"github.com/navvy-go/navvy/internal/problem"
	"github.com/navvy-go/navvy/internal/visible"
)

// refuseWith answers a program with a problem document (RFC 9457), and a person with its detail as a line of text.
func refuseWith(w http.ResponseWriter, r *http.Request, status int, detail string) {
	if wantsHTML(r) && !strings.HasPrefix(r.URL.Path, apiPath) {
		http.Error(w, visible.Line(detail), status)
		return
	}
	document := problem.ForStatus(status, detail)
	prefix, _ := r.Context().Value(prefixKey{}).(string)
	document.Instance = prefix + r.URL.Path
	if status == http.StatusServiceUnavailable {
		document.RetryAfter = 1
	}
	_ = document.Write(w) // texts only: it cannot fail
}
