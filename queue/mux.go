package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Handler runs one job. What it returns is the attempt's outcome: nil is done, [Cancel] is dead, [Snooze] is later,
// any other error is a failed attempt.
type Handler func(ctx context.Context, run *Run) error

// Mux knows the handler of each kind. Register everything before it is given to a [Worker]. The zero value is empty.
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
	raw     bool // the handler reads the data itself

	resultLost atomic.Bool // it was reported that results are not kept
}

// Kind describes a registered kind.
type Kind struct {
	Name   string `json:"kind"`
	Policy Policy `json:"policy"`
}

// NewMux returns an empty mux.
func NewMux() *Mux { return &Mux{} }

// Handle registers the handler of T's kind. A job whose data is not JSON for T goes to dead without a run; see [Strict]
// for fields that T does not have. A mistake (a kind registered twice, a nil handler, a bad option) is an error of
// [NewWorker].
func Handle[T Args](m *Mux, handler func(ctx context.Context, job *Job[T]) error, opts ...HandleOption) {
	k, ok := kindOf[T](m, handler == nil)
	if !ok {
		return
	}
	plain := newPlainDecoder(reflect.TypeFor[T]())
	k.handler = func(ctx context.Context, run *Run) error {
		job := &Job[T]{Run: run}
		if err := decodeArgs(plain, run.Data, &job.Args, k.policy.Strict); err != nil {
			return &undecodableError{cause: err}
		}
		return handler(ctx, job)
	}
	m.register(k, opts)
}

// HandleKind registers a handler that reads the job's data itself.
func (m *Mux) HandleKind(name string, handler Handler, opts ...HandleOption) {
	m.register(&kind{name: name, handler: handler, raw: true}, opts)
}

func (m *Mux) register(k *kind, opts []HandleOption) {
	if m == nil { // which NewWorker refuses
		return
	}
	for _, opt := range opts {
		if opt == nil {
			opt = noOption{}
		}
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
	case k.raw && k.policy.Strict:
		m.fail(fmt.Errorf("kind %q: Strict is for Handle and HandleBatch", name))
	case taken:
		m.fail(fmt.Errorf("kind %q: registered twice", name))
	default:
		if m.kinds == nil {
			m.kinds = map[string]*kind{}
		}
		m.kinds[name] = k
	}
}

// Kinds lists what is registered, by name.
func (m *Mux) Kinds() []Kind {
	if m == nil {
		return nil
	}
	kinds := make([]Kind, 0, len(m.kinds))
	for _, k := range m.kinds {
		kinds = append(kinds, Kind{Name: k.name, Policy: k.policy})
	}
	slices.SortFunc(kinds, func(a, b Kind) int { return cmp.Compare(a.Name, b.Name) })
	return kinds
}

func (m *Mux) fail(err error) { m.err = errors.Join(m.err, err) }

// compile returns the kinds with the middleware around their handlers, as they are now, or what is wrong with them.
func (m *Mux) compile() (map[string]*kind, error) {
	switch {
	case m == nil:
		return nil, invalidf("mux is nil")
	case m.err != nil:
		return nil, invalid(m.err)
	}
	compiled := make(map[string]*kind, len(m.kinds))
	for index, name := range slices.Sorted(maps.Keys(m.kinds)) {
		k := m.kinds[name]
		handler, err := m.wrap(k.handler)
		if err != nil {
			return nil, invalidf("kind %q: %w", name, err)
		}
		compiled[name] = &kind{name: name, policy: k.policy, handler: handler, index: index, batched: k.batched, raw: k.raw}
	}
	return compiled, nil
}

// wrap puts the middleware around a handler.
func (m *Mux) wrap(handler Handler) (wrapped Handler, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("middleware: %w", newPanicError(v))
		}
	}()
	for i, middleware := range slices.Backward(m.middleware) {
		if handler = middleware(handler); handler == nil {
			return nil, fmt.Errorf("middleware %d of %d returned no handler", i+1, len(m.middleware))
		}
	}
	return handler, nil
}
