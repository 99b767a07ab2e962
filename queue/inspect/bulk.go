package inspect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Action is what a person can do to a job, or to all that match a query.
type Action string

// The actions, and the states of the jobs that each is for.
const (
	ActionRequeue Action = "requeue" // dead: see [Inspector.Requeue]
	ActionRunNow  Action = "run_now" // delayed, retrying: see [Inspector.RunNow]
	ActionCancel  Action = "cancel"  // waiting, in flight, delayed, retrying: see [Inspector.Cancel]
	ActionBury    Action = "bury"    // the same: see [Inspector.Bury]
	ActionRelease Action = "release" // in flight: see [Inspector.Release]
	ActionDelete  Action = "delete"  // any: see [Inspector.Delete]
)

// Suits tells whether the action is one for jobs of a state.
func (a Action) AppliesTo(state State) bool {
	switch a {
	case ActionRequeue:
		return state == StateDead
	case ActionRunNow:
		return state == StateDelayed || state == StateRetrying
	case ActionRelease:
		return state == StateInFlight
	case ActionCancel, ActionBury:
		return state == StateWaiting || state == StateInFlight || state == StateDelayed || state == StateRetrying
	case ActionDelete:
		return state != StateDone
	}
	return false
}

// Tally is how far an action on many jobs is.
type BulkResult struct {
	Looked int64 `json:"looked_at"` // jobs that were held against the query
	Total  int64 `json:"total"`     // jobs in the state when it began
	Done   int64 `json:"done"`      // jobs that were acted on
	Gone   int64 `json:"gone"`      // jobs that matched and moved on before their turn
	Held   int64 `json:"held"`      // jobs that cannot be released because their workers live
}

const (
	actAtOnce = 50                    // actions in one round trip
	actRest   = 50 * time.Millisecond // at the most, after each: as long as it took, so that Redis has time for others
)

// Act does an action to every job that matches a query, in small batches with rests between them. It looks at no more
// jobs than were in the state when it began, so it ends, whatever is added meanwhile; acting again is harmless. After
// each batch progress, unless nil, is told how far it is. The tally counts also what was done before an error.
func (i *Inspector) Act(ctx context.Context, queue string, query Query, action Action, progress func(BulkResult)) (BulkResult, error) {
	tally, err := i.act(ctx, queue, query, action, progress)
	if err != nil {
		return tally, fmt.Errorf("queue: %s in %s, after %d jobs: %w", action, queue, tally.Done, err)
	}
	return tally, nil
}

func (i *Inspector) act(ctx context.Context, queue string, query Query, action Action, progress func(BulkResult)) (tally BulkResult, err error) {
	if err := query.validate(); err != nil {
		return tally, err
	}
	if !action.AppliesTo(query.State) {
		return tally, fmt.Errorf("%q is nothing to do to %s jobs", action, query.State)
	}
	p, err := i.find(ctx, queue)
	if err != nil {
		return tally, err
	}
	if tally.Total, err = i.count(ctx, p, query.State); err != nil {
		return tally, err
	}
	for page := (Page{Limit: actAtOnce}); ; {
		page.MaxScan = int(min(tally.Total-tally.Looked, DefaultMaxScan))
		if page.MaxScan <= 0 {
			return tally, nil
		}
		found, err := i.scan(ctx, p, query.specAll(i.now()), page)
		if err != nil {
			return tally, err
		}
		tally.Looked += found.Scanned
		if err := i.actOn(ctx, p, found.Jobs, action, &tally); err != nil {
			return tally, err
		}
		if progress != nil {
			progress(tally)
		}
		if page.Cursor = found.Next; found.Next == "" {
			return tally, nil
		}
	}
}

// sieveAll is a sieve that counts what it looks at against the budget also when everything matches.
func (q Query) specAll(now time.Time) scanSpec {
	s := q.spec(now)
	if s.match == nil {
		s.match = func(*JobInfo) bool { return true }
	}
	return s
}

// actOn acts on a batch of jobs in one round trip, and rests.
func (i *Inspector) actOn(ctx context.Context, p place, jobs []JobInfo, action Action, tally *BulkResult) error {
	if len(jobs) == 0 {
		return nil
	}
	began := time.Now()
	pipe := i.rdb.Pipeline()
	verdicts := make([]*redis.Cmd, len(jobs))
	for k := range jobs {
		verdicts[k] = i.command(ctx, pipe, p, &jobs[k], action)
	}
	_, failed := pipe.Exec(ctx)
	for _, verdict := range verdicts {
		switch err := verdictOf(verdict); {
		case err == nil:
			tally.Done++
		case errors.Is(err, ErrNotFound):
			tally.Gone++
		case errors.Is(err, ErrHeld):
			tally.Held++
		}
	}
	if failed != nil {
		return failed
	}
	select {
	case <-time.After(min(time.Since(began), actRest)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (i *Inspector) command(ctx context.Context, rdb redis.Scripter, p place, job *JobInfo, action Action) *redis.Cmd {
	switch action {
	case ActionRequeue:
		return requeueJob(ctx, rdb, p, job)
	case ActionRunNow:
		return dueAt(ctx, rdb, p, job.ID, i.now())
	case ActionRelease:
		return releaseJob(ctx, rdb, p, job)
	case ActionDelete:
		return deleteJob(ctx, rdb, p, job)
	}
	return i.cancelFound(ctx, rdb, p, job, action)
}
