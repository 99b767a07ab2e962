package idemhttp

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// response is what is kept of a handler's answer.
type response struct {
	Status  int         `json:"status"`
	Header  http.Header `json:"header"`
	Body    []byte      `json:"body"`
	TooLong bool        `json:"too_long,omitempty"` // the body was not kept
}

// recorder is the ResponseWriter of a handler whose answer is kept, used by the handler's goroutine alone. The client
// gets nothing before the answer is on record, unless the handler flushes or the body grows too long to be kept: from
// then on both get it.
type recorder struct {
	client    http.ResponseWriter
	limit     int64 // of the body that is kept
	header    http.Header
	answer    response // its header as it was when the status was written
	body      bytes.Buffer
	streaming bool
}

// run runs the handler on the body that was read for the fingerprint.
func (r *recorder) run(next http.Handler, request *http.Request, body []byte) {
	request.Body = io.NopCloser(bytes.NewReader(body))
	next.ServeHTTP(r, request)
	r.WriteHeader(http.StatusOK) // unless it wrote another
}

// record returns what is kept of the answer, as JSON.
func (r *recorder) record() ([]byte, error) {
	kept := r.answer
	kept.Header, kept.Body = endToEnd(kept.Header), r.body.Bytes()
	return json.Marshal(kept)
}

// Header returns the headers to be sent.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader keeps the first final status. Informational ones are not for the record.
func (r *recorder) WriteHeader(status int) {
	if r.answer.Status == 0 && status >= http.StatusOK {
		r.answer.Status, r.answer.Header = status, r.header.Clone()
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
	r.answer.send(r.client, r.body.Bytes())
}

// send gives an answer to the client. One that went away cannot be answered, so the errors are dropped.
func (a response) send(w http.ResponseWriter, body []byte) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.Status)
	if len(body) > 0 {
		_, _ = w.Write(body)
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
