package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/problem"
	"github.com/navvy-go/navvy/internal/visible"
	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/jobs/leaderboard"
	"github.com/navvy-go/navvy/jobs/notify"
	"github.com/navvy-go/navvy/jobs/session"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// documentation is what the name of a problem is appended to: its type is where a person can read about it.
const documentation = "https://github.com/navvy-go/navvy/blob/main/docs/gateway.md#"

// cause is a kind of problem.
type cause struct {
	name       string
	title      string
	status     int
	retryAfter int
}

var (
	badRequest       = cause{"bad-request", "The request cannot be read", http.StatusBadRequest, 0}
	unauthorized     = cause{"unauthorized", "Credentials are missing or wrong", http.StatusUnauthorized, 0}
	forbidden        = cause{"forbidden", "This is not allowed", http.StatusForbidden, 0}
	notFound         = cause{"not-found", "There is no such thing", http.StatusNotFound, 0}
	methodNotAllowed = cause{"method-not-allowed", "This method is not allowed here", http.StatusMethodNotAllowed, 0}
	tooLarge         = cause{"too-large", "The body is too large", http.StatusRequestEntityTooLarge, 0}
	unsupportedMedia = cause{"unsupported-media-type", "This type of body is not taken", http.StatusUnsupportedMediaType,
		0}
	duplicate      = cause{"duplicate", "Another job holds the unique key", http.StatusConflict, 0}
	invalid        = cause{"invalid", "The request makes no sense", http.StatusUnprocessableEntity, 0}
	rateLimited    = cause{"rate-limited", "Too many requests", http.StatusTooManyRequests, 1}
	internal       = cause{"internal", "Something went wrong here", http.StatusInternalServerError, 0}
	unavailable    = cause{"unavailable", "Redis does not answer", http.StatusServiceUnavailable, 1}
	overloaded     = cause{"overloaded", "Too much is going on", http.StatusServiceUnavailable, 1}
	full           = cause{"full", "Redis is full", http.StatusServiceUnavailable, 10}
	stopping       = cause{"stopping", "This server is stopping", http.StatusServiceUnavailable, 1}
	unknownOutcome = cause{"unknown-outcome", "The outcome is unknown", http.StatusGatewayTimeout, 1}
)

// causes are what a status alone says.
var causes = map[int]cause{
	http.StatusBadRequest: badRequest, http.StatusUnauthorized: unauthorized, http.StatusForbidden: forbidden,
	http.StatusNotFound: notFound, http.StatusMethodNotAllowed: methodNotAllowed, http.StatusTooManyRequests: rateLimited,
	http.StatusServiceUnavailable: unavailable,
}

// because makes a problem of a cause.
func (c cause) because(format string, args ...any) *problem.Document {
	return &problem.Document{
		Type: documentation + c.name, Title: c.title, Status: c.status, Detail: fmt.Sprintf(format, args...),
		RetryAfter: c.retryAfter,
	}
}

// invalids are the errors of the packages below that say what is wrong with a request.
var invalids = []error{
	analytics.ErrInvalid, flags.ErrInvalid, leaderboard.ErrInvalid, notify.ErrInvalid, queue.ErrInvalid,
	session.ErrInvalid,
}

// problemOf returns what an error means to a client.
func problemOf(err error) *problem.Document {
	var document *problem.Document
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &document):
		return document
	case errors.As(err, &long):
		return tooLarge.because("At most %d bytes are taken.", long.Limit)
	case errors.Is(err, queue.ErrTooLarge):
		return tooLarge.because("%v", err)
	case errors.Is(err, queue.ErrUnknownOutcome):
		return unknownOutcome.because(
			"It may or may not have been done. Repeat it with the same id, unique key or Idempotency-Key.")
	case errors.Is(err, queue.ErrFull), redis.HasErrorPrefix(err, "OOM"):
		return full.because("Nothing was done.")
	case errors.Is(err, queue.ErrOverloaded):
		return overloaded.because("Too many jobs wait to be sent. Nothing was done.")
	case errors.Is(err, queue.ErrClosed):
		return stopping.because("Nothing was done. Ask again: another server answers.")
	case errors.Is(err, inspect.ErrNotFound):
		return notFound.because("No such job was found. One that is done is kept only for as long as its retain said.")
	case errors.Is(err, inspect.ErrBadQuery):
		return notFound.because("No queue has such a name.")
	case errors.Is(err, inspect.ErrNotSeen):
		return notFound.because("It is not among the jobs that were looked at. One with an id of your choice is found.")
	case errors.Is(err, leaderboard.ErrNotFound):
		return notFound.because("The member is not on the board.")
	case away(err):
		return unavailable.because("Ask again in a moment.")
	}
	for _, is := range invalids {
		if errors.Is(err, is) {
			return invalid.because("%v", err)
		}
	}
	return internal.because("It is in the log, under the request's ID.")
}

// passing are the replies of a Redis that will answer again soon, or once a person has seen to it.
var passing = []string{
	"LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "NOREPLICAS", "BUSY", "MISCONF", "NOAUTH", "WRONGPASS",
	"NOPERM",
}

// away reports whether Redis, or the way there, is the reason. What it says is not for clients.
func away(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, redis.ErrClosed) ||
		errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) ||
		slices.ContainsFunc(passing, func(prefix string) bool { return redis.HasErrorPrefix(err, prefix) })
}

// refuse answers with a problem.
func refuse(w http.ResponseWriter, r *http.Request, p *problem.Document) {
	answer := *p
	if r.ContentLength < 0 && r.ProtoMajor == 1 { // the server would read the rest first, and the client may be silent
		w.Header().Set("Connection", "close")
	}
	answer.Instance, answer.RequestID = r.URL.Path, exchangeOf(r.Context()).id
	if err := answer.Write(w); err != nil {
		exchangeOf(r.Context()).err = err
	}
}

// writeJSON answers with a value.
func writeJSON(w http.ResponseWriter, r *http.Request, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil { // what Redis holds cannot be said in JSON, such as a score without end
		exchangeOf(r.Context()).err = err
		refuse(w, r, internal.because("What is stored cannot be shown."))
		return
	}
	body = visible.JSON(body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has left needs no answer
}

// plainText turns the refusals of other packages, which are lines of text, into problem documents.
type plainText struct {
	http.ResponseWriter
	request  *http.Request
	replaced bool
}

// Why: docs/decisions/gateway.md#every-error-of-the-gateway-is-a-problem-document-made-in-one-place
func problems(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&plainText{ResponseWriter: w, request: r}, r)
	})
}

// WriteHeader begins the answer, or gives another in its place.
func (w *plainText) WriteHeader(status int) {
	if status == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "1")
	}
	known, ok := causes[status]
	kind := w.Header().Get("Content-Type")
	if w.replaced || !ok || kind != "" && kind != "text/plain; charset=utf-8" {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.replaced = true
	refuse(w.ResponseWriter, w.request, known.because("%s", details[status]))
}

// details are what there is to say about a status that another package chose.
var details = map[int]string{
	http.StatusBadRequest:         "See the documentation of the route.",
	http.StatusUnauthorized:       "Log in first.",
	http.StatusForbidden:          "A page of another origin may not do this.",
	http.StatusNotFound:           "See /openapi.json for what there is.",
	http.StatusMethodNotAllowed:   "See the Allow header for those that are.",
	http.StatusTooManyRequests:    "Ask again later.",
	http.StatusServiceUnavailable: "Ask again in a moment.",
}

// Write drops what belongs to an answer that was replaced.
func (w *plainText) Write(data []byte) (int, error) {
	if w.replaced {
		return len(data), nil
	}
	return w.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController find what the writer can do.
func (w *plainText) Unwrap() http.ResponseWriter { return w.ResponseWriter }
