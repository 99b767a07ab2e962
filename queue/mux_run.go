package queue

import (
	"context"
	"fmt"
	"slices"
)

// Run calls the handler of the run's kind once, with the middleware around it and without a worker, and returns what it
// returned: a panic as a [*PanicError]. [OutcomeOf] says what that means. A handler that ends its goroutine ends the
// caller's, as FailNow of a test must. Package queuetest makes runs for tests.
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
	k, err := m.kindOfRuns(runs)
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	for _, run := range runs {
		if run.MaxAttempts == 0 {
			run.MaxAttempts = k.policy.MaxAttempts
		}
		run.batch = runs
	}
	var outcome error
	k.handler.call(context.WithValue(ctx, runKey{}, runs[0]), runs[0], &outcome)
	if !k.batched {
		return []error{outcome}, nil
	}
	return spread(outcome, len(runs)), nil
}

// kindOfRuns returns the kind that may run them all at once.
func (m *Mux) kindOfRuns(runs []*Run) (*kind, error) {
	kinds, err := m.compile()
	switch {
	case err != nil:
		return nil, err
	case len(runs) == 0:
		return nil, invalidf("no runs")
	case slices.Contains(runs, nil):
		return nil, invalidf("a run is nil")
	}
	name := runs[0].Kind
	k, ok := kinds[name]
	switch {
	case !ok:
		return nil, invalidf("no handler for kind %q", name)
	case len(runs) > 1 && !k.batched:
		return nil, invalidf("kind %q: %d runs at once are for HandleBatch", name, len(runs))
	case k.batched && len(runs) > k.policy.Batch:
		return nil, invalidf("kind %q: %d runs, a batch has %d at the most", name, len(runs), k.policy.Batch)
	}
	for _, run := range runs {
		if run.Kind != name {
			return nil, invalidf("runs of the kinds %q and %q in one batch", name, run.Kind)
		}
	}
	return k, nil
}
