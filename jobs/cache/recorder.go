package cache

import (
	"bytes"
	"maps"
	"net/http"
)

// recorder holds a response back, to be stored before it is sent. A response that turns out not to be one for the
// cache (its headers say so, it is too long, or it is flushed piece by piece) is passed on from there.
type recorder struct {
	w       http.ResponseWriter // nil if nobody waits for the response
	limit   int
	storing func(status int, h http.Header) bool
	onPass  func() // called once, before the first byte is passed on

	header http.Header
	status int
	body   bytes.Buffer
	passed bool
}

// Header returns the headers to be sent.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader takes the first final status. Informational ones are not passed on.
func (r *recorder) WriteHeader(status int) {
	if r.status != 0 || status < http.StatusOK {
		return
	}
	r.status = status
	if !r.storing(status, r.header) {
		r.pass()
	}
}

// Write keeps the body, or passes it on.
func (r *recorder) Write(data []byte) (int, error) {
	if r.status == 0 {
		if r.header.Get("Content-Type") == "" {
			r.header.Set("Content-Type", http.DetectContentType(data))
		}
		r.WriteHeader(http.StatusOK)
	}
	if !r.passed && r.body.Len()+len(data) > r.limit {
		r.pass()
	}
	switch {
	case !r.passed:
		return r.body.Write(data)
	case r.w == nil:
		return len(data), nil
	}
	return r.w.Write(data)
}

// Flush passes on what there is: a handler that flushes wants its parts seen one by one.
func (r *recorder) Flush() {
	r.WriteHeader(http.StatusOK)
	r.pass()
	if r.w != nil {
		_ = http.NewResponseController(r.w).Flush()
	}
}

// Unwrap lets http.ResponseController set deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.w }

func (r *recorder) pass() {
	if r.passed {
		return
	}
	r.passed = true
	r.onPass()
	if r.w == nil {
		return
	}
	maps.Copy(r.w.Header(), r.header)
	r.w.Header().Set("X-Cache", "MISS")
	r.w.WriteHeader(r.status)
	_, _ = r.w.Write(r.body.Bytes())
	r.body.Reset()
}
