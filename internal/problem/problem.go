// Package problem writes the problem documents (RFC 9457) by which navvy's HTTP servers refuse a request.
package problem

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/navvy-go/navvy/internal/visible"
)

// ContentType is the media type of a problem document.
const ContentType = "application/problem+json"

// Document is why a request failed. It is an error.
type Document struct {
	Type      string `json:"type"` // the address of what there is to read about it
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Instance  string `json:"instance,omitempty"`   // the path that was asked for
	RequestID string `json:"request_id,omitempty"` // to be found in the log
	Results   any    `json:"results,omitempty"`    // of several things that were asked for: what became of each

	RetryAfter int `json:"-"` // the header of that name, in seconds; 0 for none
}

// ForStatus returns the document of a problem that its status says all about.
func ForStatus(status int, detail string) *Document {
	return &Document{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// Error returns the title and the detail.
func (d *Document) Error() string {
	if d.Detail == "" {
		return d.Title
	}
	return d.Title + ": " + d.Detail
}

// Write answers with the document. An advice when to retry that the answer has already is kept. If Results cannot be
// written as JSON it returns an error, after an answer of 500 without them.
func (d *Document) Write(w http.ResponseWriter) error {
	body, err := json.Marshal(d)
	status := d.Status
	if err != nil {
		status, err = http.StatusInternalServerError, fmt.Errorf("problem: %w", err)
		body, _ = json.Marshal(Document{ // of texts and a number
			Type: "about:blank", Title: http.StatusText(status), Status: status, Instance: d.Instance, RequestID: d.RequestID,
		})
	}
	header := w.Header()
	if d.RetryAfter > 0 && header.Get("Retry-After") == "" {
		header.Set("Retry-After", strconv.Itoa(d.RetryAfter))
	}
	body = visible.JSON(body)
	header.Set("Content-Type", ContentType)
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has left needs no answer
	return err
}
