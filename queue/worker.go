package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Worker runs jobs: one process of a fleet, with a number of slots that it shares between its queues.
type Worker struct {
	cfg           WorkerConfig
	kinds         map[string]*kind
	rdb           redis.UniversalClient // the worker's own: blocking reads, nothing ever sent twice
	dispatcher    *dispatcher
	subscriptions []*subscription
	control       control      // what people commanded; see there
	strong        atomic.Int64 // strong suspects held
	primes        atomic.Int64 // prime ones

	mu       sync.Mutex              // guards the three below, in Start and Stop
	started  bool                    // by Start, or by a Stop before it
	stopping chan struct{}           // closed by Stop
	abort    context.CancelCauseFunc // ends every session, at once; set by Start

	stopped chan struct{}          // closed when everything has ended, by the last goroutine or by a Stop before Start
	tasks   sync.WaitGroup         // the goroutines of slots and subscriptions
	running []atomic.Pointer[task] // what each slot runs; set by the slot
}

// WorkerConfig configures a [Worker]. Queues are required, the rest has defaults.
type WorkerConfig struct {
	Namespace   string                 // begins every key; defaults to "navvy"
	Queues      map[string]QueueConfig // what to work on, by name
	Concurrency int                    // slots: how many handlers run at once; defaults to 10 for each CPU
	ReadAhead   int                    // jobs held beyond the slots: 0 what starts within 10 ms, -1 none, else so many
	Lease       time.Duration          // without a heartbeat for so long it is dead; defaults to 4 s, at least 500 ms
	MaxCrashes  int                    // a job that so many workers died with is dead; defaults to 3
	Grace       time.Duration          // how long Run lets handlers finish when it stops; defaults to 25 s
	Name        string                 // begins the consumer names; defaults to host-pid
	Observer    Observer               // notified of what happens; defaults to none
	Now         func() time.Time       // the clock of delays and events; defaults to time.Now
	Rand        func() float64         // jitter, in [0,1); defaults to math/rand/v2
}

// QueueConfig says how a worker works on one queue.
type QueueConfig struct {
	Weight int // share of the slots when several queues have jobs; defaults to 1
	// how long a job whose kind has no handler waits for a worker that has one; defaults to 1 h, -1 makes it dead at once
	UnknownFor time.Duration
	Raw        *Raw // set when the queue is a stream that other programs write; the queue's name is then the stream's
}

// Defaults of a [WorkerConfig].
const (
	DefaultLease       = wire.DefaultLease
	DefaultMaxCrashes  = wire.DefaultMaxCrashes
	DefaultGrace       = 25 * time.Second
	DefaultForeignIdle = wire.DefaultForeignIdle
	DefaultUnknownFor  = time.Hour

	minLease = 500 * time.Millisecond
)

func (c WorkerConfig) withDefaults() WorkerConfig {
	c.Namespace = cmp.Or(c.Namespace, wire.DefaultNamespace)
	c.Concurrency = cmp.Or(c.Concurrency, 10*runtime.GOMAXPROCS(0))
	c.Lease = cmp.Or(c.Lease, DefaultLease)
	c.MaxCrashes = cmp.Or(c.MaxCrashes, DefaultMaxCrashes)
	c.Grace = cmp.Or(c.Grace, DefaultGrace)
	if c.Name == "" {
		host, _ := os.Hostname()
		c.Name = strings.ReplaceAll(fmt.Sprintf("%s-%d", cmp.Or(host, "worker"), os.Getpid()), "#", "-")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	queues := make(map[string]QueueConfig, len(c.Queues))
	for name, q := range c.Queues {
		q.Weight = cmp.Or(q.Weight, 1)
		q.UnknownFor = cmp.Or(q.UnknownFor, DefaultUnknownFor)
		if q.Raw != nil {
			raw := *q.Raw
			raw.Group = cmp.Or(raw.Group, wire.DefaultGroup)
			raw.ForeignIdle = cmp.Or(raw.ForeignIdle, DefaultForeignIdle)
			q.Raw = &raw
		}
		queues[name] = q
	}
	c.Queues = queues
	return c
}

func (c WorkerConfig) validate() error {
	errs := []error{wire.ValidateNamespace(c.Namespace)}
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(len(c.Queues) > 0, "no queues")
	check(c.Concurrency >= 1, "concurrency %d: must be at least 1", c.Concurrency)
	check(c.ReadAhead >= -1, "read-ahead %d: must be -1 or more", c.ReadAhead)
	check(c.Lease >= minLease, "lease %s: must be at least %s", c.Lease, minLease)
	check(c.MaxCrashes >= 1, "max crashes %d: must be at least 1", c.MaxCrashes)
	check(c.Grace >= 0, "grace %s: must not be negative", c.Grace)
	if err := wire.ValidateWorker(c.Name); err != nil {
		errs = append(errs, fmt.Errorf("worker name %q: %w", c.Name, err))
	}
	for name, q := range c.Queues {
		check(q.Weight >= 1, "queue %s: weight %d: must be at least 1", name, q.Weight)
		check(q.UnknownFor == -1 || q.UnknownFor >= time.Millisecond,
			"queue %s: unknown for %s: must be at least 1ms, or -1 for dead at once", name, q.UnknownFor)
		if q.Raw == nil {
			errs = append(errs, wire.ValidateQueue(name))
			continue
		}
		check(wire.ValidateName(name) == nil, "raw stream %q: must be a name without spaces", name)
		check(wire.ValidateName(q.Raw.Group) == nil, "raw stream %s: group %q: must be a name without spaces", name,
			q.Raw.Group)
		check(wire.ValidateKind(q.Raw.Kind) == nil, "raw stream %s: kind %q: must be a name without spaces", name, q.Raw.Kind)
	}
	return errors.Join(errs...)
}

// NewWorker returns a worker that has not started. It opens connections of its own with rdb's options: rdb must be a
// *redis.Client (Sentinel's included) or a *redis.ClusterClient, and stays the caller's to close.
func NewWorker(rdb redis.UniversalClient, mux *Mux, cfg WorkerConfig) (*Worker, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("queue: worker: %w", err)
	}
	if mux == nil || mux.err != nil {
		if mux == nil {
			return nil, errors.New("queue: worker: mux is nil")
		}
		return nil, fmt.Errorf("queue: worker: %w", mux.err)
	}
	own, err := ownClient(rdb, len(cfg.Queues))
	if err != nil {
		return nil, fmt.Errorf("queue: worker: %w", err)
	}
	if cluster, ok := own.(*redis.ClusterClient); ok {
		own = redisx.OnceCluster{ClusterClient: cluster}
	}
	w := &Worker{
		cfg: cfg, kinds: mux.compile(), rdb: own, dispatcher: newDispatcher(cfg.Concurrency, cfg.ReadAhead),
		control:  control{stop: make(chan struct{})},
		stopping: make(chan struct{}), stopped: make(chan struct{}),
		running: make([]atomic.Pointer[task], cfg.Concurrency),
		abort:   func(error) {}, // until it starts
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Queues)) {
		w.subscriptions = append(w.subscriptions, newSubscription(w, name, cfg.Queues[name]))
	}
	return w, nil
}

// check makes sure, before anything is written, that the worker may run all of its commands, and that Redis has data of
// a version that it can read; and then that each queue can be worked on.
func (w *Worker) check(ctx context.Context) error {
	for _, s := range w.subscriptions {
		if err := s.preflight(ctx); err != nil {
			return fmt.Errorf("queue %s: %w", s.queue.Name, err)
		}
	}
	if err := w.registry().CheckVersion(ctx); err != nil {
		return err
	}
	for _, s := range w.subscriptions {
		if err := s.bind(ctx); err != nil {
			return fmt.Errorf("queue %s: %w", s.queue.Name, err)
		}
	}
	return nil
}

// Start joins the queues and begins to work. It fails when Redis cannot be reached or refuses; once it has returned
// nil, the worker outlives any failure of Redis. A worker starts once.
func (w *Worker) Start(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.started {
		return errors.New("queue: worker: started twice, or stopped before")
	}
	if err := w.check(ctx); err != nil {
		return fmt.Errorf("queue: worker: %w", err)
	}
	for _, warning := range w.warnings(ctx) {
		w.observe(Event{Type: EventWarning, Err: warning})
	}
	w.started = true
	base, abort := context.WithCancelCause(context.WithoutCancel(ctx))
	w.abort = abort
	for slot := range w.running {
		w.tasks.Go(func() { w.runSlot(&w.running[slot]) })
	}
	var subscriptions sync.WaitGroup
	for _, s := range w.subscriptions {
		subscriptions.Go(func() { s.work(base) })
	}
	w.tasks.Go(func() {
		subscriptions.Wait()
		w.dispatcher.close()
	})
	go func() {
		w.tasks.Wait()
		w.disconnect()
		abort(nil)
		close(w.stopped)
	}()
	go w.stopOnCommand()
	return nil
}

// Run starts the worker, works until ctx ends or a person commands it to stop, and stops it with the grace period of
// the configuration.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.Start(ctx); err != nil {
		_ = w.Stop(ctx)
		return err
	}
	select {
	case <-ctx.Done():
	case <-w.stopping:
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.Grace)
	defer cancel()
	return w.Stop(grace)
}
