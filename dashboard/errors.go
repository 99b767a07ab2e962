package dashboard

import (
	"errors"
	"fmt"
	"net/http"

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
	case errors.Is(err, inspect.ErrBadQuery), errors.Is(err, lockmgr.ErrInvalid):
		return http.StatusBadRequest
	case errors.Is(err, inspect.ErrNotFound), errors.Is(err, inspect.ErrNotSeen):
		return http.StatusNotFound
	case errors.Is(err, inspect.ErrHeld), errors.Is(err, inspect.ErrInUse):
		return http.StatusConflict
	case redisx.IsAway(err), errors.Is(err, errStopping):
		return http.StatusServiceUnavailable
	}
	return http.StatusBadGateway
}
