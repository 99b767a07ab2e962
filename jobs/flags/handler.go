package flags

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// Apply is the job that changes flags, in the order given. Each change is made once, however often the job is
// delivered: a redelivery does not undo what somebody changed in the meantime. Enqueued with [queue.At], it is a
// switch that turns at its time, also for programs that know the article's keys alone.
type Apply struct {
	Changes []Change `json:"changes"`
	Author
}

// Kind is flags.apply.
func (Apply) Kind() string { return "flags.apply" }

// maxChanges is how many changes one job may have.
const maxChanges = 1000

// Register gives the mux the handler of flags.apply.
func (s *Store) Register(mux *queue.Mux) {
	queue.Handle(mux, s.handle, queue.Timeout(30*time.Second))
}

func (s *Store) handle(ctx context.Context, job *queue.Job[Apply]) error {
	if n := len(job.Args.Changes); n == 0 || n > maxChanges {
		return queue.Cancel(fmt.Errorf("flags: %w: %d changes: want 1 to %d", ErrInvalid, n, maxChanges))
	}
	id := job.Queue + ":" + job.ID // a job's ID is its own in its queue only
	err := s.Apply(ctx, id, job.Args.Author, job.Args.Changes...)
	if errors.Is(err, ErrInvalid) {
		return queue.Cancel(err)
	}
	return err
}
