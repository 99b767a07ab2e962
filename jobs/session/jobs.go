package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// Sweep is the job session.sweep, see [Store.Sweep]. Its result is {"removed": n}.
type Sweep struct{}

// Kind returns "session.sweep".
func (Sweep) Kind() string { return "session.sweep" }

// Revoke is the job session.revoke: it ends one session, or all of a user, see [Store.RevokeUser]. One of the two is
// given. A session's ID is a secret, and everybody who may look at the queue sees it: prefer the user.
type Revoke struct {
	UserID    string `json:"user_id,omitempty"`
	SessionID string `json:"session_id,omitempty"`
}

// Kind returns "session.revoke".
func (Revoke) Kind() string { return "session.revoke" }

// Register gives the mux the handlers of session.sweep and session.revoke.
func (s *Store) Register(mux *queue.Mux) {
	queue.Handle(mux, s.handleSweep, queue.Timeout(10*time.Minute), queue.Retain(time.Hour))
	queue.Handle(mux, s.handleRevoke, queue.Timeout(time.Minute))
}

func (s *Store) handleSweep(ctx context.Context, job *queue.Job[Sweep]) error {
	removed, err := s.Sweep(ctx, func(n int64) {
		_ = job.SetProgress(ctx, 0, fmt.Sprintf("%d removed", n)) // how many are to come is not known
	})
	return errors.Join(err, job.SetResult(map[string]int64{"removed": removed}))
}

func (s *Store) handleRevoke(ctx context.Context, job *queue.Job[Revoke]) error {
	if (job.Args.UserID == "") == (job.Args.SessionID == "") {
		return queue.Cancel(fmt.Errorf("session: revoke: %w: give either a user_id or a session_id", ErrInvalid))
	}
	if job.Args.SessionID != "" {
		return s.Destroy(ctx, job.Args.SessionID)
	}
	_, err := s.RevokeUser(ctx, job.Args.UserID)
	return err
}
