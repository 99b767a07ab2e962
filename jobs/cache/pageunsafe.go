package cache

import (
	"context"
	"net/http"
)

// unsafe removes the page that a request may have changed (RFC 9111, section 4.4): before the answer begins, so that a
// client that has it does not get the page of before, and after the handler, which may go on. What its headers say, and
// whether the handler panics, makes no difference; an answer of 400 and above does.
func (p *pages) unsafe(w http.ResponseWriter, r *http.Request, key string) {
	if r.Method == http.MethodOptions || r.Method == http.MethodTrace {
		p.next.ServeHTTP(w, r)
		return
	}
	watched := &changeWriter{ResponseWriter: w, changed: func() {
		if err := p.cache.Delete(context.WithoutCancel(r.Context()), key); err != nil {
			p.cache.config.Report(err)
		}
	}}
	defer func() {
		if watched.status < http.StatusBadRequest {
			watched.changed()
		}
	}()
	p.next.ServeHTTP(watched, r)
}

// changeWriter calls changed before it lets an answer begin that is no error.
type changeWriter struct {
	http.ResponseWriter
	changed func()
	status  int // the first that is final; 0 before
}

// WriteHeader sends the status.
func (w *changeWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		if w.status = status; status < http.StatusBadRequest {
			w.changed()
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the body.
func (w *changeWriter) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(data)
}

// FlushError sends what there is.
func (w *changeWriter) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush sends what there is.
func (w *changeWriter) Flush() { _ = w.FlushError() }

// Unwrap lets http.ResponseController find what the writer can do.
func (w *changeWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
