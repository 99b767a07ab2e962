package idemhttp

import (
	"bytes"
	"io"
	"net/http"
)

// recorder is the ResponseWriter of a handler whose answer is kept.
type recorder struct {
	header http.Header
	sent   http.Header // as it was when the status was written
	status int
	body   bytes.Buffer
}

// record runs the handler on the body that was read for the fingerprint.
func record(next http.Handler, r *http.Request, body []byte) response {
	r.Body = io.NopCloser(bytes.NewReader(body))
	rec := &recorder{header: http.Header{}}
	next.ServeHTTP(rec, r)
	rec.WriteHeader(http.StatusOK) // unless it wrote another
	return response{Status: rec.status, Header: rec.sent, Body: rec.body.Bytes()}
}

// Header returns the headers to be sent.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader keeps the first final status. Informational ones are not for the record.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status, r.sent = status, r.header.Clone()
	}
}

// Write keeps the body.
func (r *recorder) Write(data []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if r.sent.Get("Content-Type") == "" {
		r.sent.Set("Content-Type", http.DetectContentType(data))
	}
	return r.body.Write(data)
}

// send gives the answer to the client. Nobody is left to tell if the client went away: the answer is on record.
func (a response) send(w http.ResponseWriter) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body)
}
