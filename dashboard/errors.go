package dashboard

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/jobs/leaderboard"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/queue"
)

// badQueryError says that a query or a form makes no sense.
type badQueryError struct{ cause error }

func (e *badQueryError) Error() string { return e.cause.Error() }
func (e *badQueryError) Unwrap() error { return e.cause }

func badQuery(format string, args ...any) error { return &badQueryError{fmt.Errorf(format, args...)} }

// What the packages below say of what they were given.
var (
	makeNoSense = []error{queue.ErrBadQuery, lockmgr.ErrInvalid, flags.ErrInvalid, leaderboard.ErrInvalid, analytics.ErrInvalid}
	notThere    = []error{queue.ErrNotFound, leaderboard.ErrNotFound}
)

func isAny(err error, kinds []error) bool {
	return slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) })
}

// statusOf returns the HTTP status for why something failed.
func statusOf(err error) int {
	var bad *badQueryError
	_, unconfirmed := asAsk(err)
	switch {
	case unconfirmed:
		return http.StatusPreconditionRequired
	case errors.As(err, &bad), isAny(err, makeNoSense):
		return http.StatusBadRequest
	case isAny(err, notThere):
		return http.StatusNotFound
	case errors.Is(err, queue.ErrHeld):
		return http.StatusConflict
	}
	return http.StatusServiceUnavailable
}
