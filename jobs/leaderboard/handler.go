package leaderboard

import (
	"context"
	"errors"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// Apply is the job leaderboard.apply: it makes changes on a board, once, however often the job is run.
type Apply struct {
	Board   string    `json:"board"`
	Changes []Change  `json:"changes"`     // at most [MaxChanges], made in this order
	At      time.Time `json:"at,omitzero"` // whose day and week they belong to; zero for the moment the job is enqueued
}

// Kind returns "leaderboard.apply".
func (Apply) Kind() string { return "leaderboard.apply" }

// Reset is the job leaderboard.reset: it ends a season of a board.
type Reset struct {
	Board  string `json:"board"`
	Season int64  `json:"season"` // above 0, and higher than that of the last season that ended
}

// Kind returns "leaderboard.reset".
func (Reset) Kind() string { return "leaderboard.reset" }

// Register gives the mux the handlers of leaderboard.apply and leaderboard.reset.
func (b *Boards) Register(mux *queue.Mux) {
	queue.Handle(mux, b.apply, queue.Timeout(30*time.Second))
	queue.Handle(mux, b.reset, queue.Timeout(10*time.Minute))
}

func (b *Boards) apply(ctx context.Context, job *queue.Job[Apply]) error {
	at := job.Args.At
	if at.IsZero() {
		at = job.EnqueuedAt
	}
	id := job.Queue + ":" + job.ID // a job's ID is its own in its queue only
	return cancelInvalid(b.Board(job.Args.Board).Apply(ctx, id, at, job.Args.Changes...))
}

func (b *Boards) reset(ctx context.Context, job *queue.Job[Reset]) error {
	return cancelInvalid(b.Board(job.Args.Board).Close(ctx, job.Args.Season))
}

// cancelInvalid gives up on what will not be right the next time.
func cancelInvalid(err error) error {
	if errors.Is(err, ErrInvalid) {
		return queue.Cancel(err)
	}
	return err
}
