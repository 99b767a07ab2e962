package httpserver

import "net/http"

// What every answer has, unless its handler says otherwise: nothing may be loaded, framed, kept or read by other sites.
var headers = map[string]string{
	"Content-Security-Policy":      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
}

// twoYears of https alone, for the hosts below it as well (OWASP ASVS 5.0, 3.4.1).
const twoYears = "max-age=63072000; includeSubDomains"

// Guard sets the headers that restrict what a browser does with an answer: also of errors and of the state of health.
// Where https reaches the server, browsers are to come by it alone from then on; but not to the loopback, whose name
// all programs of a machine share.
func Guard(https bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		if https && !IsLoopbackHost(r.Host) {
			w.Header().Set("Strict-Transport-Security", twoYears)
		}
		next.ServeHTTP(&guarded{ResponseWriter: w}, r)
	})
}

// guarded forbids to keep what says nothing of caches. It is set last: the page cache goes by it, and http.Error
// takes it away.
type guarded struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader begins the answer.
func (w *guarded) WriteHeader(status int) {
	if status >= http.StatusOK && !w.begun {
		w.begun = true
		if w.Header().Get("Cache-Control") == "" {
			w.Header().Set("Cache-Control", "no-store")
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write begins the answer where nothing has.
func (w *guarded) Write(data []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController find what the writer can do.
func (w *guarded) Unwrap() http.ResponseWriter { return w.ResponseWriter }
