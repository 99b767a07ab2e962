package queuetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// Enqueuer is a [queue.Enqueuer] that records what is enqueued, in place of a [queue.Client]. It refuses what a client
// refuses, and recognises repeated IDs and unique keys as a client does. As no job is ever run, an ID is held for ever,
// and so is a unique key, unless it has a time. The zero value is ready. It is safe for any number of goroutines.
type Enqueuer struct {
	// Config is as a client's: MaxData and Now are used. Set it before the first call.
	Config queue.ClientConfig

	// Fail, unless nil, is called with each job before it is recorded. If it returns an error, the enqueue fails with it
	// and nothing is recorded; with [queue.ErrNotDurable] the job is recorded all the same. Set it before the first call.
	Fail func(Job) error

	mu     sync.Mutex
	jobs   []Job
	guards map[guard]guarded
}

var _ queue.Enqueuer = (*Enqueuer)(nil)

// Job is a job that was enqueued.
type Job struct {
	queue.EnqueueSettings            // what was asked for; ID is the job's, chosen or not
	Due                   *time.Time // nil: at once
	EnqueuedAt            time.Time
}

// Decode decodes the job's arguments, as its handler would.
func (j *Job) Decode(into any) error {
	if err := json.Unmarshal(j.Data, into); err != nil {
		return fmt.Errorf("queuetest: data of %s: %w", j.Kind, err)
	}
	return nil
}

// guard is an ID or a unique key of a queue.
type guard struct {
	queue, key string
	unique     bool
}

type guarded struct {
	id    string
	state string
	until time.Time // zero: for ever
}

// Enqueue records a job.
func (e *Enqueuer) Enqueue(
	ctx context.Context, args queue.Args, opts ...queue.EnqueueOption,
) (*queue.Enqueued, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("queue: enqueue: nothing was enqueued: %w", context.Cause(ctx))
	}
	settings, err := e.Config.Resolve(args, opts...)
	if err != nil {
		return nil, fmt.Errorf("queue: enqueue: %w", err)
	}
	enqueued, err := e.add(settings)
	if err != nil {
		err = fmt.Errorf("queue: enqueue %s on %s: %w", settings.Kind, settings.Queue, err)
		if !errors.Is(err, queue.ErrNotDurable) && !errors.Is(err, queue.ErrDuplicate) {
			return nil, err
		}
	}
	return &enqueued, err
}

// EnqueueMany records many jobs.
func (e *Enqueuer) EnqueueMany(ctx context.Context, items []queue.Item) ([]queue.Enqueued, error) {
	results := make([]queue.Enqueued, len(items))
	failed, first := 0, error(nil)
	for i, item := range items {
		settings, err := e.Config.Resolve(item.Args, item.Options...)
		switch {
		case err != nil:
		case ctx.Err() != nil:
			err = fmt.Errorf("not sent in time, nothing was enqueued: %w", context.Cause(ctx))
		default:
			results[i], err = e.add(settings)
		}
		if results[i].Err = err; err != nil {
			if failed++; first == nil {
				first = err
			}
		}
	}
	if failed > 0 {
		return results, fmt.Errorf("queue: enqueue: %d of %d jobs failed, the first: %w", failed, len(items), first)
	}
	return results, nil
}

// Jobs lists what was enqueued, in its order.
func (e *Enqueuer) Jobs() []Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.jobs)
}

func (e *Enqueuer) add(settings queue.EnqueueSettings) (queue.Enqueued, error) {
	now := time.Now()
	if e.Config.Now != nil {
		now = e.Config.Now()
	}
	job := Job{EnqueueSettings: settings, Due: settings.Due(now), EnqueuedAt: now}
	if job.ID == "" {
		job.ID = ids.Next(now)
	}
	enqueued := queue.Enqueued{ID: job.ID, Kind: job.Kind, Queue: job.Queue, Due: job.Due}
	var failure error
	if e.Fail != nil {
		failure = e.Fail(job)
	}
	if failure != nil && !errors.Is(failure, queue.ErrNotDurable) {
		return enqueued, failure
	}
	if settings.Durability != nil && failure == nil {
		reached := settings.Durability.Asked()
		enqueued.Reached = &reached
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	held := e.guardsOf(&job, settings.ID != "")
	for _, g := range held {
		if holder, ok := e.guards[g]; ok && (holder.until.IsZero() || now.Before(holder.until)) {
			enqueued.ID, enqueued.State, enqueued.Duplicate = holder.id, holder.state, true
			if g.unique && job.Unique.Reject {
				return enqueued, queue.ErrDuplicate
			}
			if g.unique {
				e.change(g, &job, &enqueued)
			}
			return enqueued, failure
		}
	}
	e.hold(held, &job)
	e.jobs = append(e.jobs, job)
	return enqueued, failure
}

// guardsOf lists the guards of a job in the order in which a client's script looks at them.
func (e *Enqueuer) guardsOf(job *Job, chosen bool) (guards []guard) {
	if chosen {
		guards = append(guards, guard{queue: job.Queue, key: job.ID})
	}
	if job.UniqueKey != "" {
		guards = append(guards, guard{queue: job.Queue, key: job.UniqueKey, unique: true})
	}
	return guards
}

func (e *Enqueuer) hold(guards []guard, job *Job) {
	if e.guards == nil {
		e.guards = map[guard]guarded{}
	}
	from, state := job.EnqueuedAt, "waiting"
	if job.Due != nil {
		from, state = *job.Due, "delayed"
	}
	for _, g := range guards {
		holder := guarded{id: job.ID, state: state}
		if g.unique && job.UniqueFor > 0 {
			holder.until = from.Add(job.UniqueFor)
		}
		e.guards[g] = holder
	}
}

// JobOf is a job with its arguments, decoded as its handler would.
type JobOf[T queue.Args] struct {
	Job
	Args T
}

// All lists the jobs of T's kind, in their order. Data that does not fit T fails the test.
func All[T queue.Args](tb testing.TB, e *Enqueuer) []JobOf[T] {
	tb.Helper()
	var zero T
	var all []JobOf[T]
	for _, job := range e.Jobs() {
		if job.Kind != zero.Kind() {
			continue
		}
		typed := JobOf[T]{Job: job}
		if err := job.Decode(&typed.Args); err != nil {
			tb.Fatal(err)
		}
		all = append(all, typed)
	}
	return all
}

// Only returns the one job of T's kind. None or several fail the test.
func Only[T queue.Args](tb testing.TB, e *Enqueuer) JobOf[T] {
	tb.Helper()
	all := All[T](tb, e)
	if len(all) != 1 {
		var zero T
		kinds := make([]string, 0, 10)
		for _, job := range e.Jobs() {
			kinds = append(kinds, job.Kind)
		}
		tb.Fatalf("queuetest: %d jobs of kind %s were enqueued, want 1; all kinds: %q", len(all), zero.Kind(), kinds)
	}
	return all[0]
}
