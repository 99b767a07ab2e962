package queuetest

import (
	"context"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Ran is what came of one run of a handler.
type Ran struct {
	Outcome queue.Outcome
	Run     *queue.Run // its methods Result and Progress return what the handler recorded
}

// Dead reports whether a worker would end the job as dead.
func (r *Ran) Dead() bool {
	switch r.Outcome.Kind {
	case queue.OutcomeCancelled, queue.OutcomeUndecoded:
		return true
	case queue.OutcomeFailed, queue.OutcomeRetryIn:
		return r.Run.Attempt >= r.Run.MaxAttempts
	default:
		return false
	}
}

// Run runs the handler of args' kind once, with the middleware of the mux around it, and returns what came of it. A
// handler that panics has failed. The context ends when the kind's timeout is over and when the handler has returned.
//
// The run is a first attempt on the queue "default" with an ID of its own, enqueued now; each of with may change it:
//
//	queuetest.Run(ctx, mux, args, func(run *queue.Run) { run.Attempt = 3 })
//
// The error says that no handler was run, and why: there is none for the kind, for example.
func Run(ctx context.Context, mux *queue.Mux, args queue.Args, with ...func(*queue.Run)) (*Ran, error) {
	ran, err := runAll(ctx, mux, []queue.Args{args}, with)
	if err != nil {
		return nil, err
	}
	return ran[0], nil
}

// RunBatch is [Run] for a handler of [queue.HandleBatch]: it is called once with a job for each of args, and what came
// of each is returned in their order.
func RunBatch[T queue.Args](
	ctx context.Context, mux *queue.Mux, args []T, with ...func(*queue.Run),
) ([]*Ran, error) {
	all := make([]queue.Args, len(args))
	for i := range args {
		all[i] = args[i]
	}
	return runAll(ctx, mux, all, with)
}

func runAll(ctx context.Context, mux *queue.Mux, args []queue.Args, with []func(*queue.Run)) ([]*Ran, error) {
	runs := make([]*queue.Run, len(args))
	for i := range args {
		var err error
		if runs[i], err = newRun(args[i], with); err != nil {
			return nil, fmt.Errorf("queuetest: %w", err)
		}
	}
	if mux != nil && len(runs) > 0 {
		for _, kind := range mux.Kinds() {
			if kind.Name == runs[0].Kind {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeoutCause(ctx, kind.Policy.Timeout, queue.ErrTimeout)
				defer cancel()
			}
		}
	}
	outcomes, err := mux.RunBatch(ctx, runs)
	if err != nil {
		return nil, fmt.Errorf("queuetest: %w", err)
	}
	ran := make([]*Ran, len(runs))
	for i, run := range runs {
		ran[i] = &Ran{Outcome: queue.OutcomeOf(outcomes[i]), Run: run}
	}
	return ran, nil
}

var ids = wire.NewIDSource()

func newRun(args queue.Args, with []func(*queue.Run)) (*queue.Run, error) {
	settings, err := queue.ClientConfig{}.Resolve(args)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	run := &queue.Run{
		ID: ids.Next(now), Kind: settings.Kind, Queue: settings.Queue, Worker: "queuetest", Attempt: 1,
		EnqueuedAt: now, Data: settings.Data,
	}
	for _, change := range with {
		change(run)
	}
	return run, nil
}
