package cache

import (
	"bytes"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// recorder holds a response back, to be stored before it is sent. A response that turns out not to be one for the
// cache (its headers say so, it is too long, or it is flushed piece by piece) is passed on from there.
//
// The handler sees, and may change, the headers that middleware outside of the cache has set, as without the cache.
type recorder struct {
	w       http.ResponseWriter // nil if nobody waits for the response
	limit   int
	storing func(status int, h http.Header) bool
	onPass  func()                // called once, before the first byte is passed on
	instead func(status int) bool // whether another answer takes the place of this one; nil for never

	before  http.Header // as they were when the handler was called
	live    http.Header // what the handler sees
	header  http.Header // as they were when it wrote the status
	status  int
	body    bytes.Buffer
	passed  bool
	dropped bool
}

// record returns a recorder of a response to w, which may be nil; then live is what would have been set.
func (p *pages) record(w http.ResponseWriter, r *http.Request, live http.Header, onPass func()) *recorder {
	return &recorder{
		w: w, limit: p.config.MaxBody, onPass: onPass, live: live, before: live.Clone(),
		storing: func(status int, h http.Header) bool {
			ttl, _ := p.lifetime(r, status, h)
			return ttl > 0
		},
	}
}

// Header returns the headers to be sent.
func (r *recorder) Header() http.Header { return r.live }

// WriteHeader takes the first final status. Informational ones are not passed on.
func (r *recorder) WriteHeader(status int) {
	if r.status != 0 || status < http.StatusOK {
		return
	}
	r.status, r.header = status, r.live.Clone()
	switch {
	case r.instead != nil && r.instead(status):
		r.dropped = true
	case !r.storing(status, r.header):
		r.pass()
	}
}

// Write keeps the body, or passes it on.
func (r *recorder) Write(data []byte) (int, error) {
	if r.status == 0 {
		if r.live.Get("Content-Type") == "" {
			r.live.Set("Content-Type", http.DetectContentType(data))
		}
		r.WriteHeader(http.StatusOK)
	}
	if !r.passed && !r.dropped && r.body.Len()+len(data) > r.limit {
		r.pass()
	}
	switch {
	case r.dropped:
		return len(data), nil
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
	if r.dropped {
		return
	}
	r.pass()
	if r.w != nil {
		_ = http.NewResponseController(r.w).Flush()
	}
}

// Unwrap lets http.ResponseController set deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.w }

// whole reports whether the response can be stored as it is: all of it is there, and nothing comes after the body
// (RFC 9111, section 3.3). A handler whose client has left may have stopped halfway without a sign.
func (r *recorder) whole(left bool) bool {
	for name := range r.live {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return false
		}
	}
	if length := r.header.Get("Content-Length"); length != "" {
		return length == strconv.Itoa(r.body.Len())
	}
	return !left
}

func (r *recorder) pass() {
	if r.passed {
		return
	}
	r.passed = true
	r.onPass()
	if r.w == nil {
		return
	}
	r.restore(r.header)
	r.live.Set("X-Cache", "MISS")
	r.w.WriteHeader(r.status)
	_, _ = r.w.Write(r.body.Bytes())
	r.body.Reset()
}

// restore takes back what was done to the headers since h was taken, but for trailers.
func (r *recorder) restore(h http.Header) {
	maps.DeleteFunc(r.live, func(name string, _ []string) bool { return !strings.HasPrefix(name, http.TrailerPrefix) })
	maps.Copy(r.live, h)
}
