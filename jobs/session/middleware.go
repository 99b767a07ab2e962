package session

import (
	"context"
	"net/http"
)

// Middleware gives every request a [Current] session, see [FromContext]. Redis is asked only if the handler asks for
// the session; a request that does not costs nothing. Changes are saved before the first byte of the response: if that
// fails, the response is 503 in place of the handler's, so that no client is sent a login that did not happen.
//
// The browser has the session's ID in the cookie [CookieName], with Secure, HttpOnly and SameSite=Lax, signed with
// HMAC-SHA256 by the first key. A cookie that any of the keys signed is taken, so a key is replaced by putting the new
// one before it, and the old one goes after the absolute timeout. IDs that this package did not make and sign are never
// looked up, and a login has a new ID, so nobody can fix another's session. Each key has [MinKey] bytes or more, else
// the error is [ErrInvalid].
//
// Browsers take the cookie over TLS, and from localhost without.
func Middleware(store *Store, keys ...[]byte) (func(http.Handler) http.Handler, error) {
	signer, err := newSigner(keys)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			current := &Current{store: store, signer: signer}
			if cookie, err := r.Cookie(CookieName); err == nil {
				current.cookie = cookie.Value
			}
			r = r.WithContext(context.WithValue(r.Context(), currentKey{}, current))
			cw := &commitWriter{ResponseWriter: w, request: r, current: current}
			next.ServeHTTP(cw, r)
			cw.commit()
		})
	}, nil
}

// commitWriter saves the session before it lets the response begin.
type commitWriter struct {
	http.ResponseWriter
	request *http.Request
	current *Current
	begun   bool
	failed  bool
}

// Why: docs/decisions/features.md#the-session-middleware-replays-changes-on-what-is-stored-at-the-end-of-the-request
func (w *commitWriter) commit() {
	if w.begun {
		return
	}
	w.begun = true
	err := w.current.commit(w.request.Context(), w.Header())
	if err == nil {
		return
	}
	w.failed = true
	w.current.store.config.Report(err)
	for _, name := range []string{"Set-Cookie", "Content-Encoding", "ETag", "Last-Modified", "Cache-Control", "Location"} {
		w.Header().Del(name)
	}
	w.Header().Set("Cache-Control", "no-store") // whatever is outside must not keep what the handler had to say
	http.Error(w.ResponseWriter, "the session cannot be saved, try again", http.StatusServiceUnavailable)
}

// WriteHeader begins the response, unless it is an informational one.
func (w *commitWriter) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.commit()
	}
	if !w.failed {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write sends a part of the body. What belongs to a response that was replaced is dropped.
func (w *commitWriter) Write(data []byte) (int, error) {
	w.commit()
	if w.failed {
		return len(data), nil
	}
	return w.ResponseWriter.Write(data)
}

// FlushError sends what there is.
func (w *commitWriter) FlushError() error {
	w.commit()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush sends what there is.
func (w *commitWriter) Flush() { _ = w.FlushError() }

// Unwrap lets http.ResponseController find what the writer can do.
func (w *commitWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
