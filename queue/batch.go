package queue

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// Defaults and bounds of [HandleBatch].
const (
	DefaultBatch       = 100
	DefaultBatchWithin = 50 * time.Millisecond

	maxBatch = maxRead
)

// HandleBatch registers a handler that runs many jobs of T's kind in one call: as many as [BatchOf] allows, or those
// that have come [BatchWithin] after the first was read, whichever is sooner. All are of one queue. It is for work that
// is cheap for a hundred jobs at once and expensive one by one.
//
// A nil error is the success of every job, [Outcomes] an outcome for each, and any other error, a panic's too, what all
// of them failed with. Each job then goes its own way: done, retried, put off or dead, with its own attempts.
//
// A batch takes one slot, from its first job on, and has one context: it ends when the kind's [Timeout] is over (one
// that a job was enqueued with does not count), the lease is lost or the worker stops. A worker that stops hands back a
// batch that still gathers. When a person cancels one of its jobs while it runs, the batch goes on, and the job is dead
// unless it succeeds.
//
// Middleware is called once around a batch, with the run of its first job, see [Run.Batch]. A job whose data is not
// JSON for T goes to dead without a run, and the rest of its batch runs. A job that is dead if it takes one more worker
// with it runs alone.
func HandleBatch[T Args](m *Mux, handler func(ctx context.Context, jobs []*Job[T]) error, opts ...HandleOption) {
	k, ok := kindOf[T](m, handler == nil)
	if !ok {
		return
	}
	k.batched, k.policy = true, Policy{Batch: DefaultBatch, BatchWithin: DefaultBatchWithin}
	plain := newPlainDecoder(reflect.TypeFor[T]())
	k.handler = func(ctx context.Context, run *Run) error {
		jobs, outcomes := decodeBatch[T](plain, run.Batch(), k.policy.Strict)
		if len(jobs) == 0 {
			return Outcomes(outcomes)
		}
		if err := handler(ctx, jobs); err != nil || len(jobs) < len(outcomes) {
			return mergeOutcomes(outcomes, spread(err, len(jobs)))
		}
		return nil
	}
	m.register(k, opts)
}

// BatchOf is how many jobs a batch has at the most, 1 to 1000. Defaults to 100. A batch whose jobs have 16 MiB of data
// is run with those. It serves [HandleBatch] alone.
func BatchOf(n int) HandleOption {
	return policyOption(func(p *Policy) error {
		p.Batch = n
		if n < 1 || n > maxBatch {
			return fmt.Errorf("batch of %d: must be 1 to %d", n, maxBatch)
		}
		return nil
	})
}

// BatchWithin is how long the first job of a batch waits for others to come; 0 for those that were read together with
// it. Defaults to 50 ms. It serves [HandleBatch] alone.
func BatchWithin(d time.Duration) HandleOption {
	return policyOption(func(p *Policy) error {
		p.BatchWithin = d
		if d < 0 {
			return fmt.Errorf("batch within %s: must not be negative", d)
		}
		return nil
	})
}

// Outcomes is returned by the handler of a batch to give each job its own outcome: errs[i] is what a handler of jobs[i]
// alone would return, [Cancel], [Snooze] and [RetryIn] included. With fewer or more outcomes than jobs all of
// them fail: it is unknown which belongs to which job.
func Outcomes(errs []error) error { return &outcomesError{outcomes: errs} }

type outcomesError struct{ outcomes []error }

func (e *outcomesError) Error() string {
	failed := e.Unwrap()
	if len(failed) == 0 {
		return "no job failed"
	}
	return fmt.Sprintf("%d of %d jobs failed, the first: %s", len(failed), len(e.outcomes), failed[0])
}

// Unwrap lists the outcomes that are errors.
func (e *outcomesError) Unwrap() []error {
	return slices.DeleteFunc(slices.Clone(e.outcomes), func(err error) bool { return err == nil })
}

// spread makes an outcome for each of n jobs of the error of a batch.
func spread(err error, n int) []error {
	var each *outcomesError
	if errors.As(err, &each) {
		if len(each.outcomes) == n {
			return each.outcomes
		}
		err = fmt.Errorf("queue: the handler of a batch returned %d outcomes for %d jobs", len(each.outcomes), n)
	}
	return slices.Repeat([]error{err}, n)
}

// decodeBatch decodes the jobs of a batch. Those that cannot be decoded have their outcome already, and are left out.
func decodeBatch[T any](plain *plainDecoder, runs []*Run, strict bool) (jobs []*Job[T], outcomes []error) {
	decoded := make([]Job[T], len(runs))
	jobs, outcomes = make([]*Job[T], 0, len(runs)), make([]error, len(runs))
	for i, run := range runs {
		decoded[i].Run = run
		if err := decodeArgs(plain, run.Data, &decoded[i].Args, strict); err != nil {
			outcomes[i] = &undecodableError{cause: err}
			continue
		}
		jobs = append(jobs, &decoded[i])
	}
	return jobs, outcomes
}

// mergeOutcomes puts the outcomes of the jobs that were decoded into their places. Without a failure it is nil.
func mergeOutcomes(all, decoded []error) error {
	failed := false
	for i, outcome := range all {
		if outcome == nil {
			all[i], decoded = decoded[0], decoded[1:]
		}
		failed = failed || all[i] != nil
	}
	if !failed {
		return nil
	}
	return Outcomes(all)
}

// Batch lists the runs of the batch that this run is part of, or the run alone. Middleware around [HandleBatch] sees
// the first.
func (r *Run) Batch() []*Run {
	switch {
	case len(r.batch) > 0:
		return r.batch
	case r.task == nil || r.task.batch == nil:
		return []*Run{r}
	}
	runs := make([]*Run, len(r.task.batch.fit))
	for i, t := range r.task.batch.fit {
		runs[i] = &t.run
	}
	return runs
}
