package idemhttp

import (
	"bytes"
	"encoding/json"
	"io"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/navvy-go/navvy/internal/httpheader"
)

// response is what is kept of a handler's answer.
type response struct {
	Status  int         `json:"status"`
	Header  http.Header `json:"header"`
	Body    []byte      `json:"body"`
	Trailer http.Header `json:"trailer,omitempty"`
	TooLong bool        `json:"too_long,omitempty"` // the body was not kept

	HeaderBytes  map[string][][]byte `json:"header_bytes,omitempty"`  // of Header, what is not UTF-8
	TrailerBytes map[string][][]byte `json:"trailer_bytes,omitempty"` // likewise
}

// parseResponse reads what record has returned.
func parseResponse(kept []byte) (a response, err error) {
	err = json.Unmarshal(kept, &a)
	a.Header, a.HeaderBytes = httpheader.Join(a.Header, a.HeaderBytes), nil
	a.Trailer, a.TrailerBytes = httpheader.Join(a.Trailer, a.TrailerBytes), nil
	return a, err
}

// recorder is the ResponseWriter of a handler whose answer is kept, used by the handler's goroutine alone. The client
// gets nothing before the answer is on record, unless the handler flushes or the body grows too long to be kept: from
// then on both get it. The handler sees, and may change, the headers that middleware outside has set.
type recorder struct {
	client    http.ResponseWriter
	limit     int64       // of the body that is kept
	before    http.Header // as they were when the handler was called
	answer    response    // its header as it was when the status was written
	body      bytes.Buffer
	streaming bool
}

// run runs the handler on the body that was read for the fingerprint.
func (r *recorder) run(next http.Handler, request *http.Request, body []byte) {
	request.Body = io.NopCloser(bytes.NewReader(body))
	next.ServeHTTP(r, request)
	r.WriteHeader(http.StatusOK) // unless it wrote another
	r.answer.Trailer = r.trailer()
}

// record returns what is kept of the answer, as JSON: of the headers those that the handler set. Others set theirs anew
// for each request. Cookies are kept only for a caller that can be recognised.
func (r *recorder) record(recognised bool) ([]byte, error) {
	kept := r.answer
	kept.Header, kept.Body = endToEnd(kept.Header), r.body.Bytes()
	maps.DeleteFunc(kept.Header, func(name string, values []string) bool {
		return !strings.HasPrefix(name, "Content-") && slices.Equal(values, r.before[name])
	})
	const cookie = "Set-Cookie"
	kept.Header[cookie] = slices.DeleteFunc(kept.Header[cookie], func(value string) bool {
		return !recognised || slices.Contains(r.before[cookie], value)
	})
	if len(kept.Header[cookie]) == 0 {
		delete(kept.Header, cookie)
	}
	kept.Header, kept.HeaderBytes = httpheader.Split(kept.Header)
	kept.Trailer, kept.TrailerBytes = httpheader.Split(kept.Trailer)
	return json.Marshal(kept)
}

// trailer returns what the handler set to be sent after the body, whether it declared it or not.
func (r *recorder) trailer() http.Header {
	trailer := http.Header{}
	for name := range r.answer.trailerNames() {
		if values := r.Header()[name]; len(values) > 0 {
			trailer[name] = slices.Clone(values)
		}
	}
	for name, values := range r.Header() {
		if undeclared, found := strings.CutPrefix(name, http.TrailerPrefix); found {
			trailer[undeclared] = slices.Clone(values)
		}
	}
	return trailer
}

// trailerNames are those that the header Trailer declares.
func (a response) trailerNames() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range a.Header["Trailer"] {
			for name := range strings.SplitSeq(line, ",") {
				if !yield(http.CanonicalHeaderKey(strings.TrimSpace(name))) {
					return
				}
			}
		}
	}
}

// Header returns the headers to be sent.
func (r *recorder) Header() http.Header { return r.client.Header() }

// WriteHeader keeps the first final status. Informational ones are not for the record.
func (r *recorder) WriteHeader(status int) {
	if r.answer.Status == 0 && status >= http.StatusOK {
		r.answer.Status, r.answer.Header = status, r.Header().Clone()
	}
}

// takeBack makes the headers those of before the handler, for another answer in the place of its own.
func (r *recorder) takeBack() {
	if !r.streaming {
		clear(r.Header())
		maps.Copy(r.Header(), r.before)
	}
}

// Write keeps the body. That a client went away is no reason to stop: the answer is recorded.
func (r *recorder) Write(data []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if !hasBody(r.answer.Status) {
		return 0, http.ErrBodyNotAllowed
	}
	r.sniff(data)
	if !r.answer.TooLong && int64(r.body.Len()+len(data)) > r.limit {
		r.stream()
		r.answer.TooLong, r.body = true, bytes.Buffer{}
	}
	if r.answer.TooLong {
		return r.client.Write(data)
	}
	if r.streaming {
		_, _ = r.client.Write(data)
	}
	return r.body.Write(data)
}

// sniff finds the type of a body as net/http does, but from what the handler wrote first, also for the replay.
func (r *recorder) sniff(data []byte) {
	_, typed := r.answer.Header["Content-Type"]
	if !typed && r.answer.Header.Get("Content-Encoding") == "" && len(data) > 0 {
		r.answer.Header.Set("Content-Type", http.DetectContentType(data))
	}
}

// FlushError sends what there is to the client, before it is on record. See [http.ResponseController].
func (r *recorder) FlushError() error {
	r.WriteHeader(http.StatusOK)
	r.stream()
	return http.NewResponseController(r.client).Flush()
}

// Flush is [recorder.FlushError] as an [http.Flusher].
func (r *recorder) Flush() { _ = r.FlushError() }

// stream gives the client what was written until now, and all that follows.
func (r *recorder) stream() {
	if r.streaming {
		return
	}
	r.streaming = true
	now := r.Header().Clone() // what was set since the status is not sent, but for trailers
	maps.DeleteFunc(r.Header(), func(name string, _ []string) bool { return !strings.HasPrefix(name, http.TrailerPrefix) })
	maps.Copy(r.Header(), r.answer.Header)
	r.client.WriteHeader(r.answer.Status)
	for name := range r.answer.trailerNames() {
		if values, set := now[name]; set {
			r.Header()[name] = values
		}
	}
	_, _ = r.client.Write(r.body.Bytes()) // a client that went away cannot be answered
}

// finish gives the client what it has not got yet, trailers last.
func (r *recorder) finish() {
	r.stream()
	r.answer.sendTrailer(r.client.Header())
}

// send gives an answer to the client again. What is set already is replaced, as the handler would have.
func (a response) send(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range a.Header {
		if name == "Vary" || name == "Set-Cookie" {
			values = append(h.Values(name), values...)
		}
		h[name] = values
	}
	for name := range a.Trailer {
		h.Add("Trailer", name)
	}
	w.WriteHeader(a.Status)
	if len(a.Body) > 0 {
		_, _ = w.Write(a.Body)
	}
	a.sendTrailer(h)
}

// sendTrailer sets the trailers, which net/http sends at the end.
func (a response) sendTrailer(h http.Header) {
	for name, values := range a.Trailer {
		h[name] = values
	}
}

func hasBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// hopByHop are the headers that belong to one connection (RFC 9110, 7.6.1), and the date, which is each answer's own.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Date",
}

// endToEnd is what of the headers may be sent again.
func endToEnd(header http.Header) http.Header {
	header = header.Clone()
	for _, line := range header["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			header.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		header.Del(name)
	}
	return header
}
