package queue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Handler runs one job. What it returns is the attempt's outcome: nil is done, [Cancel] is dead, [Snooze] is later,
// any other error is a failed attempt.
type Handler func(ctx context.Context, run *Run) error

// Mux knows the handler of each kind. Register everything before it is given to a [Worker].
type Mux struct {
	kinds      map[string]*kind
	middleware []Middleware
	err        error
}

type kind struct {
	name    string
	policy  Policy
	handler Handler
	index   int  // among the worker's kinds, by name
	batched bool // the handler runs all of [Run.Batch]
}

// Kind describes a registered kind.
type Kind struct {
	Name   string `json:"kind"`
	Policy Policy `json:"policy"`
}

// NewMux returns an empty mux.
func NewMux() *Mux { return &Mux{kinds: map[string]*kind{}} }

// Handle registers the handler of T's kind. A job whose data is not JSON for T goes to dead without a run.
// A mistake (a kind registered twice, a nil handler, a bad option) is an error of [NewWorker].
func Handle[T Args](m *Mux, handler func(ctx context.Context, job *Job[T]) error, opts ...HandleOption) {
	var zero T
	if handler == nil {
		m.fail(fmt.Errorf("kind %q: handler is nil", zero.Kind()))
		return
	}
	m.HandleKind(zero.Kind(), func(ctx context.Context, run *Run) error {
		job := &Job[T]{Run: run}
		if err := json.Unmarshal(run.Data, &job.Args); err != nil {
			return &undecodableError{cause: err}
		}
		return handler(ctx, job)
	}, opts...)
}

// HandleKind registers a handler that reads the job's data itself.
func (m *Mux) HandleKind(name string, handler Handler, opts ...HandleOption) {
	m.register(&kind{name: name, handler: handler}, opts)
}

func (m *Mux) register(k *kind, opts []HandleOption) {
	for _, opt := range opts {
		opt.applyHandle(&k.policy)
	}
	k.policy = k.policy.withDefaults()
	name := k.name
	switch _, taken := m.kinds[name]; {
	case wire.ValidateKind(name) != nil:
		m.fail(wire.ValidateKind(name))
	case k.handler == nil:
		m.fail(fmt.Errorf("kind %q: handler is nil", name))
	case k.policy.err != nil:
		m.fail(fmt.Errorf("kind %q: %w", name, k.policy.err))
	case !k.batched && k.policy.Batch|int(k.policy.BatchWithin) != 0:
		m.fail(fmt.Errorf("kind %q: BatchOf and BatchWithin are for HandleBatch", name))
	case taken:
		m.fail(fmt.Errorf("kind %q: registered twice", name))
	default:
		m.kinds[name] = k
	}
}

// Kinds lists what is registered, by name.
func (m *Mux) Kinds() []Kind {
	kinds := make([]Kind, 0, len(m.kinds))
	for _, k := range m.kinds {
		kinds = append(kinds, Kind{Name: k.name, Policy: k.policy})
	}
	slices.SortFunc(kinds, func(a, b Kind) int { return cmp.Compare(a.Name, b.Name) })
	return kinds
}

func (m *Mux) fail(err error) { m.err = errors.Join(m.err, err) }

// compile returns the kinds with the middleware around their handlers, as they are now.
func (m *Mux) compile() map[string]*kind {
	compiled := make(map[string]*kind, len(m.kinds))
	for name, k := range m.kinds {
		wrapped := *k
		for _, middleware := range slices.Backward(m.middleware) {
			wrapped.handler = middleware(wrapped.handler)
		}
		compiled[name] = &wrapped
	}
	for index, name := range slices.Sorted(maps.Keys(compiled)) {
		compiled[name].index = index
	}
	return compiled
}

// undecodableError keeps data that does not fit its kind from being retried: it would fail the same way each time.
type undecodableError struct{ cause error }

func (e *undecodableError) Error() string { return "data does not fit the kind: " + e.cause.Error() }
func (e *undecodableError) Unwrap() error { return e.cause }
