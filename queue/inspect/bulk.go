package inspect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// BulkResult is how far an action on many jobs is.
type BulkResult struct {
	Looked int64 `json:"looked_at"` // jobs that were held against the query
	Total  int64 `json:"total"`     // jobs in the state when it began
	Done   int64 `json:"done"`      // jobs that were acted on
	Gone   int64 `json:"gone"`      // jobs that matched and moved on before their turn
	Held   int64 `json:"held"`      // jobs that cannot be released because their workers live
}

type doneKey struct{}

// WithDone has [Inspector.Act] call done with the ID of each job that was acted on, for a trail.
func WithDone(ctx context.Context, done func(id string)) context.Context {
	return context.WithValue(ctx, doneKey{}, done)
}

func doneOf(ctx context.Context) func(string) {
	if done, ok := ctx.Value(doneKey{}).(func(string)); ok {
		return done
	}
	return func(string) {}
}

const (
	actAtOnce = 50                    // actions in one round trip
	actRest   = 50 * time.Millisecond // at the most, after each: as long as it took, so that Redis has time for others
)

// Act does an action to every job that matches a query, in small batches with rests between them. It looks at no more
// jobs than were in the state when it began, so it ends, whatever is added meanwhile; acting again is harmless. After
// each batch progress, unless nil, is called with how far it is. The result counts also what was done before an error.
func (i *Inspector) Act(
	ctx context.Context, queue string, query Query, a Action, progress func(BulkResult),
) (BulkResult, error) {
	result, err := i.act(ctx, queue, query, a, progress)
	if err != nil {
		return result, fmt.Errorf("queue: %s in %s, after %d jobs: %w", a, queue, result.Done, err)
	}
	return result, nil
}

func (i *Inspector) act(
	ctx context.Context, queue string, query Query, a Action, progress func(BulkResult),
) (result BulkResult, err error) {
	if err := query.validate(); err != nil {
		return result, err
	}
	if !a.AppliesTo(query.State) {
		return result, fmt.Errorf("%q is nothing to do to %s jobs", a, query.State)
	}
	q, err := i.find(ctx, queue)
	if err != nil {
		return result, err
	}
	if result.Total, err = i.count(ctx, q, query.State); err != nil {
		return result, err
	}
	for page := (Page{Limit: actAtOnce}); ; {
		page.MaxScan = int(min(result.Total-result.Looked, DefaultMaxScan))
		if page.MaxScan <= 0 {
			return result, nil
		}
		found, err := i.scan(ctx, q, query.specAll(i.now()), page)
		if err != nil {
			return result, err
		}
		result.Looked += found.Scanned
		if err := i.actOn(ctx, q, found.Jobs, a, &result); err != nil {
			return result, err
		}
		if progress != nil {
			progress(result)
		}
		if page.Cursor = found.Next; found.Next == "" {
			return result, nil
		}
	}
}

// specAll is a spec that counts what it looks at against the budget also when everything matches.
func (q Query) specAll(now time.Time) scanSpec {
	s := q.spec(now)
	if s.match == nil {
		s.match = func(*JobInfo) bool { return true }
	}
	return s
}

// actOn acts on a batch of jobs in one round trip, and rests.
func (i *Inspector) actOn(ctx context.Context, q *wire.QueueRef, jobs []JobInfo, a Action, result *BulkResult) error {
	if len(jobs) == 0 {
		return nil
	}
	began := time.Now()
	pipe, command := i.rdb.Pipeline(), a.row().command
	verdicts := make([]wire.VerdictCmd, len(jobs))
	for k := range jobs {
		verdicts[k] = command(i, ctx, pipe, q, &jobs[k])
	}
	_, failed := pipe.Exec(ctx)
	for k, verdict := range verdicts {
		switch err := verdictOf(verdict); {
		case err == nil:
			result.Done++
			doneOf(ctx)(jobs[k].ID)
		case errors.Is(err, ErrNotFound):
			result.Gone++
		case errors.Is(err, ErrHeld):
			result.Held++
		}
	}
	if failed != nil {
		return failed
	}
	return rest(ctx, began)
}

// rest leaves Redis to others for as long as what began then has taken, up to actRest.
func rest(ctx context.Context, began time.Time) error {
	select {
	case <-time.After(min(time.Since(began), actRest)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
