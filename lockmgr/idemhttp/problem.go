package idemhttp

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/navvy-go/navvy/internal/problem"
	"github.com/navvy-go/navvy/lockmgr"
)

// documentation is where a client can read what went wrong.
const documentation = "https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/"

func refuse(w http.ResponseWriter, status int, title, detail string) {
	_ = (&problem.Document{Type: documentation, Title: title, Status: status, Detail: detail}).Write(w)
}

// refuseFor answers for a request whose handler's answer cannot be given.
func refuseFor(w http.ResponseWriter, err error) {
	var progress *lockmgr.InProgressError
	switch {
	case errors.As(err, &progress):
		after := min(progress.Running, progress.RetryAfter) // at the lease's end it is renewed, or can be taken over
		seconds := (after + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.FormatInt(int64(max(seconds, 1)), 10))
		refuse(w, http.StatusConflict, "A request with this Idempotency-Key is in progress",
			"Ask again later with the same key.")
	case errors.Is(err, lockmgr.ErrKeyReused):
		refuse(w, http.StatusUnprocessableEntity, "Idempotency-Key was used for another request",
			"A key stands for one method, path, query and body.")
	case errors.Is(err, lockmgr.ErrInvalid):
		refuse(w, http.StatusInternalServerError, "The server is misconfigured", "")
	default:
		refuse(w, http.StatusServiceUnavailable, "The outcome is unknown", "Try again with the same Idempotency-Key.")
	}
}
