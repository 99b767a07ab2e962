package dashboard

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/navvy-go/navvy/queue"
)

// badQueryError says that a query or a form makes no sense.
type badQueryError struct{ cause error }

func (e *badQueryError) Error() string { return e.cause.Error() }
func (e *badQueryError) Unwrap() error { return e.cause }

func badQuery(format string, args ...any) error { return &badQueryError{fmt.Errorf(format, args...)} }

// statusOf returns the HTTP status for why something failed.
func statusOf(err error) int {
	var bad *badQueryError
	_, unconfirmed := asAsk(err)
	switch {
	case unconfirmed:
		return http.StatusPreconditionRequired
	case errors.As(err, &bad), errors.Is(err, queue.ErrBadQuery):
		return http.StatusBadRequest
	case errors.Is(err, queue.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, queue.ErrHeld):
		return http.StatusConflict
	}
	return http.StatusServiceUnavailable
}
