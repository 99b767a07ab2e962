package gateway

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/oklog/ulid/v2"
)

// exchange is a request and its answer, as the log has them.
type exchange struct {
	id     string // X-Request-ID
	trace  string // traceparent; "" for none
	caller Caller // "" before it is known, and where nobody asks
	err    error  // for the log alone; the client does not get it
}

type exchangeKey struct{}

// exchangeOf returns the exchange of a request.
func exchangeOf(ctx context.Context) *exchange {
	if known, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return known
	}
	return &exchange{}
}

var (
	idForm    = regexp.MustCompile(`^[!-~]{1,128}$`)
	traceForm = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
	noTrace   = regexp.MustCompile(`^ff|-0{32}-|-0{16}-`) // what the W3C forbids
)

// logged gives a request its ID, and a line in the log when it is over. An ID and a trace that the client sends are
// taken if they have the right form.
func (g *Gateway) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		known := &exchange{id: r.Header.Get("X-Request-ID")}
		if !idForm.MatchString(known.id) {
			known.id = ulid.Make().String()
		}
		if trace := r.Header.Get("Traceparent"); traceForm.MatchString(trace) && !noTrace.MatchString(trace) {
			known.trace = trace
		}
		w.Header().Set("X-Request-ID", known.id)
		seen := &counter{ResponseWriter: w}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, known))
		defer func() { g.log(r, known, seen, time.Since(begun)) }()
		next.ServeHTTP(seen, r)
	})
}

// log writes the line: neither bodies nor queries nor headers, which may hold secrets.
func (g *Gateway) log(r *http.Request, known *exchange, seen *counter, took time.Duration) {
	level := slog.LevelInfo
	var line []slog.Attr
	switch {
	case known.err != nil:
		level, line = slog.LevelError, append(line, slog.Any("error", known.err))
	case r.Pattern == "GET /healthz", r.Pattern == "GET /readyz":
		level = slog.LevelDebug
	}
	for _, optional := range []slog.Attr{slog.String("caller", known.caller.Name), slog.String("trace", known.trace)} {
		if optional.Value.String() != "" {
			line = append(line, optional)
		}
	}
	line = append(line,
		slog.String("request_id", known.id), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.String("route", r.Pattern), slog.Int("status", cmp.Or(seen.status, http.StatusOK)),
		slog.Int64("bytes", seen.bytes), slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("remote", g.cfg.ClientIP(r)),
	)
	g.cfg.Logger.LogAttrs(r.Context(), level, "request", line...)
}

// counter notes what was answered.
type counter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the first final status.
func (c *counter) WriteHeader(status int) {
	if c.status == 0 && status >= http.StatusOK {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write counts the body.
func (c *counter) Write(data []byte) (int, error) {
	n, err := c.ResponseWriter.Write(data)
	c.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController find what the writer can do.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// recovered answers 500 where a handler panics, and logs the stack.
func (g *Gateway) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch why := recover(); why {
			case nil:
			case http.ErrAbortHandler:
				panic(why)
			default:
				g.cfg.Logger.Error("handler panicked", "panic", fmt.Sprint(why), "stack", string(debug.Stack()),
					"request_id", exchangeOf(r.Context()).id)
				refuse(w, r, internal.because("It is in the log, under the request's ID."))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// guarded forbids a browser what it should not do with an answer.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy",
			"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
				"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("X-Frame-Options", "DENY")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// bounded refuses what comes while as many requests as are allowed are under way.
func (g *Gateway) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case g.inFlight <- struct{}{}:
			defer func() { <-g.inFlight }()
			next.ServeHTTP(w, r)
		default:
			refuse(w, r, overloaded.because("%d requests are under way.", g.cfg.MaxInFlight))
		}
	})
}
