package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/apikey"
	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/queue/inspect"
)

// statusError is an error that has an HTTP status.
type statusError struct {
	status int
	cause  error
}

func (e *statusError) Error() string { return e.cause.Error() }
func (e *statusError) Unwrap() error { return e.cause }

// BadRequest is the error of a query or a form that is malformed: its text is shown, with the status 400.
func BadRequest(format string, args ...any) error {
	return &statusError{http.StatusBadRequest, fmt.Errorf(format, args...)}
}

// NotFound is the error of something that is not there, or not any more, with the status 404.
func NotFound(format string, args ...any) error {
	return &statusError{http.StatusNotFound, fmt.Errorf(format, args...)}
}

// shownText is what a person may read of an error: what is wrong with a request, or with what it asks for. Addresses,
// the words of Redis, which may repeat data, and those of decoders are for the log.
func shownText(err error) string {
	var reply redis.Error
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case statusOf(err) < http.StatusInternalServerError:
		return err.Error()
	case redisx.IsAway(err):
		return "Redis does not answer."
	case errors.As(err, &reply):
		code, _, _ := strings.Cut(reply.Error(), " ")
		return fmt.Sprintf("Redis refuses it: %.40s.", code)
	case errors.As(err, &syntax), errors.As(err, &kind):
		return "What Redis holds cannot be read."
	}
	return err.Error()
}

// statusOf returns the HTTP status for an error: 503 for a Redis that does not answer, 502 for one that has answered
// with what cannot be shown.
func statusOf(err error) int {
	var known *statusError
	_, unconfirmed := asConfirmation(err)
	switch {
	case unconfirmed:
		return http.StatusPreconditionRequired
	case errors.As(err, &known):
		return known.status
	case errors.Is(err, inspect.ErrBadQuery), errors.Is(err, inspect.ErrBadCron), errors.Is(err, lockmgr.ErrInvalid),
		errors.Is(err, apikey.ErrInvalid):
		return http.StatusBadRequest
	case errors.Is(err, inspect.ErrNotFound), errors.Is(err, inspect.ErrNotSeen), errors.Is(err, inspect.ErrNoCron),
		errors.Is(err, apikey.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, inspect.ErrHeld), errors.Is(err, inspect.ErrInUse), errors.Is(err, apikey.ErrExists),
		errors.Is(err, apikey.ErrTooMany):
		return http.StatusConflict
	case redisx.IsAway(err), errors.Is(err, errStopping):
		return http.StatusServiceUnavailable
	}
	return http.StatusBadGateway
}
