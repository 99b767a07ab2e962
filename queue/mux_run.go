package queue

import (
	"context"
	"errors"
	"fmt"
)

// Run calls the handler of the run's kind once, with the middleware around it and without a worker, and returns what it
// returned: a panic as a [*PanicError]. [OutcomeOf] says what that means. Package queuetest makes runs for tests.
func (m *Mux) Run(ctx context.Context, run *Run) error {
	outcomes, err := m.RunBatch(ctx, []*Run{run})
	if err != nil {
		return err
	}
	return outcomes[0]
}

// RunBatch is [Mux.Run] for several runs of one kind of [HandleBatch]: it calls the handler once and returns an outcome
// for each run, in their order. The error says that nothing was run, and why. A kind of [Handle] takes one run at
// a time.
func (m *Mux) RunBatch(ctx context.Context, runs []*Run) (outcomes []error, err error) {
	switch {
	case m == nil:
		return nil, errors.New("queue: mux is nil")
	case m.err != nil:
		return nil, fmt.Errorf("queue: mux: %w", m.err)
	case len(runs) == 0:
		return nil, errors.New("queue: no runs")
	}
	name := runs[0].Kind
	k, ok := m.compile()[name]
	switch {
	case !ok:
		return nil, fmt.Errorf("queue: no handler for kind %q", name)
	case len(runs) > 1 && !k.batched:
		return nil, fmt.Errorf("queue: kind %q: %d runs at once are for HandleBatch", name, len(runs))
	case k.batched && len(runs) > k.policy.Batch:
		return nil, fmt.Errorf("queue: kind %q: %d runs, a batch has %d at the most", name, len(runs), k.policy.Batch)
	}
	for _, run := range runs {
		if run.Kind != name {
			return nil, fmt.Errorf("queue: runs of the kinds %q and %q in one batch", name, run.Kind)
		}
		if run.MaxAttempts == 0 {
			run.MaxAttempts = k.policy.MaxAttempts
		}
		run.batch = runs
	}
	err = k.handler.call(context.WithValue(ctx, runKey{}, runs[0]), runs[0])
	if !k.batched {
		return []error{err}, nil
	}
	return spread(err, len(runs)), nil
}
