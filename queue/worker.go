package queue

import (
	"cmp"
	"context"
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
	clockGiven    bool // by the application, see clock
	observer      guardedObserver
	kinds         map[string]*kind
	rdb           redis.UniversalClient // the worker's own: blocking reads, nothing ever sent twice
	epochs        *wire.Epochs          // of that client
	follower      *redisx.Follower      // keeps rdb on the master
	given         redis.UniversalClient // what it was made with, the caller's
	dispatcher    *dispatcher
	subscriptions []*subscription
	beats         *beats
	rings         *rings
	readers       *readers
	sharedReads   *sharedReads
	roleDue       int64        // of sendBeats alone: when to look next whether the server is the master
	control       control      // what people commanded; see there
	strong        atomic.Int64 // strong suspects held
	primes        atomic.Int64 // prime ones
	fresh         atomic.Int64 // those of them that no other may begin beside

	naming   sync.Mutex // guards the consumer
	consumer string     // of new sessions, if queues share reads

	mu       sync.Mutex              // guards the four below, in Start and Stop
	starting context.CancelCauseFunc // set while Start looks at Redis: ends that
	started  bool                    // by Start, or by a Stop before it
	stopping chan struct{}           // closed by Stop
	abort    context.CancelCauseFunc // ends every session, at once; set by Start

	stopped chan struct{}          // closed when everything has ended, by the last goroutine or by a Stop before Start
	tasks   sync.WaitGroup         // the goroutines of slots and subscriptions
	running []atomic.Pointer[task] // what each slot runs; set by the slot
}

// WorkerConfig configures a [Worker]. Queues are required, the rest has defaults: those of fields that are zero.
type WorkerConfig struct {
	Namespace   string                 // begins every key; defaults to "navvy"
	Queues      map[string]QueueConfig // what to work on, by name
	Concurrency int                    // slots: how many handlers run at once; defaults to 10 for each CPU
	ReadAhead   int                    // jobs held beyond the slots: 0 what starts within 10 ms, -1 none, else so many
	Lease       time.Duration          // without a heartbeat for so long it is dead; defaults to 4 s, 500 ms to 24 h
	MaxCrashes  int                    // a job that so many workers died with is dead; defaults to 3
	Grace       time.Duration          // how long Run lets handlers finish when it stops; defaults to 25 s, negative: not
	Name        string                 // begins the consumer names; defaults to host-pid
	Observer    Observer               // notified of what happens; defaults to none
	Now         func() time.Time       // the clock of delays and events; defaults to Redis' clock and time.Now
	Rand        func() float64         // jitter, in [0,1); defaults to math/rand/v2
	Cron        CronConfig             // jobs that are enqueued again and again; defaults to none

	// What becomes of jobs that have ended and are kept: the caretaker applies its own, so all workers should have
	// the same.
	KeepCancelled time.Duration // how long cancelled and expired jobs are kept; defaults to 7 d
	KeepDead      time.Duration // how long dead jobs are kept; 0 for ever
	MaxDead       int           // how many dead jobs of a queue are kept, the newest; 0 all
}

// QueueConfig says how a worker works on one queue.
type QueueConfig struct {
	Weight int // share of the slots when several queues have jobs; defaults to 1
	// how long a job whose kind has no handler waits for a worker that has one; defaults to 1 h, -1 makes it dead at once
	UnknownFor time.Duration
	Lanes      *Lanes // how its lanes share its slots; nil: by the defaults, once there are jobs with a priority
	Raw        *Raw   // set when the queue is a stream that other programs write; the queue's name is then the stream's
}

// Defaults of a [WorkerConfig].
const (
	DefaultLease      = wire.DefaultLease
	DefaultMaxCrashes = wire.DefaultMaxCrashes
	DefaultGrace      = 25 * time.Second

	// DefaultKeepCancelled is how long a cancelled job can be requeued, and an expired one is kept.
	DefaultKeepCancelled = 7 * 24 * time.Hour

	DefaultForeignIdle = wire.DefaultForeignIdle
	DefaultUnknownFor  = time.Hour
)

func (c WorkerConfig) withDefaults() WorkerConfig {
	c.Namespace = cmp.Or(c.Namespace, wire.DefaultNamespace)
	c.Concurrency = cmp.Or(c.Concurrency, 10*runtime.GOMAXPROCS(0))
	c.Lease = cmp.Or(c.Lease, DefaultLease)
	c.MaxCrashes = cmp.Or(c.MaxCrashes, DefaultMaxCrashes)
	c.Grace = cmp.Or(c.Grace, DefaultGrace)
	c.KeepCancelled = cmp.Or(c.KeepCancelled, DefaultKeepCancelled)
	if c.Name == "" {
		host, _ := os.Hostname()
		c.Name = strings.ReplaceAll(fmt.Sprintf("%s-%d", cmp.Or(host, "worker"), os.Getpid()), "#", "-")
	}
	c.Now = guardClock(c.Now)
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	c.Rand = guardJitter(c.Rand)
	c.Cron.Version = cmp.Or(c.Cron.Version, commitTime())
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
	var wrong mistakes
	wrong.add(wire.ValidateNamespace(c.Namespace))
	wrong.check(len(c.Queues) > 0, "no queues")
	wrong.check(c.Concurrency >= 1 && c.Concurrency <= maxSlots, "concurrency %d: must be 1 to %d", c.Concurrency,
		maxSlots)
	wrong.check(c.ReadAhead >= -1 && c.ReadAhead <= maxSlots, "read-ahead %d: must be -1 to %d", c.ReadAhead, maxSlots)
	wrong.check(c.Lease >= minLease && c.Lease <= maxLease, "lease %s: must be %s to %s", c.Lease, minLease, maxLease)
	wrong.check(c.MaxCrashes >= 1, "max crashes %d: must be at least 1", c.MaxCrashes)
	wrong.check(c.KeepCancelled >= time.Millisecond, "cancelled jobs kept for %s: must be at least 1ms", c.KeepCancelled)
	wrong.check(c.KeepDead == 0 || c.KeepDead >= time.Millisecond, "dead jobs kept for %s: must be at least 1ms",
		c.KeepDead)
	wrong.check(c.MaxDead >= 0, "%d dead jobs kept: must not be negative", c.MaxDead)
	if err := wire.ValidateWorker(c.Name); err != nil {
		wrong.add(fmt.Errorf("worker name %q: %w", c.Name, err))
	}
	for name, q := range c.Queues {
		q.validate(name, &wrong)
	}
	return wrong.err()
}

func (c QueueConfig) validate(name string, wrong *mistakes) {
	wrong.check(c.Weight >= 1 && c.Weight <= maxWeight, "queue %s: weight %d: must be 1 to %d", name, c.Weight, maxWeight)
	wrong.check(c.UnknownFor == -1 || c.UnknownFor >= time.Millisecond,
		"queue %s: unknown for %s: must be at least 1ms, or -1 for dead at once", name, c.UnknownFor)
	c.Lanes.validate(name, wrong)
	if c.Raw == nil {
		wrong.add(wire.ValidateQueue(name))
		return
	}
	wrong.check(wire.ValidateName(name) == nil, "raw stream %q: must be a name without spaces", name)
	wrong.check(!wire.IsLaneStream(name), "raw stream %q: is named as the lane of a queue is", name)
	wrong.check(wire.ValidateName(c.Raw.Group) == nil, "raw stream %s: group %q: must be a name without spaces", name,
		c.Raw.Group)
	wrong.check(wire.ValidateKind(c.Raw.Kind) == nil, "raw stream %s: kind %q: must be a name without spaces", name,
		c.Raw.Kind)
	wrong.check(c.Raw.ForeignIdle >= time.Millisecond, "raw stream %s: foreign idle %s: must be at least 1ms", name,
		c.Raw.ForeignIdle)
}

// NewWorker returns a worker that has not started. It opens connections of its own with rdb's options: rdb must be a
// *redis.Client (Sentinel's included) or a *redis.ClusterClient, and stays the caller's to close.
func NewWorker(rdb redis.UniversalClient, mux *Mux, cfg WorkerConfig) (*Worker, error) {
	clockGiven := cfg.Now != nil
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("queue: worker: %w", err)
	}
	kinds, err := mux.compile()
	if err != nil {
		return nil, fmt.Errorf("queue: worker: %w", err)
	}
	crons, err := cfg.resolveCrons()
	if err != nil {
		return nil, fmt.Errorf("queue: worker: %w", err)
	}
	own, follower, err := ownClient(rdb, len(cfg.Queues))
	if err != nil {
		return nil, fmt.Errorf("queue: worker: %w", invalid(err))
	}
	epochs := new(wire.Epochs)
	epochs.Watch(own)
	if cluster, ok := own.(*redis.ClusterClient); ok {
		own = redisx.OnceCluster{ClusterClient: cluster}
	}
	w := &Worker{
		cfg: cfg, clockGiven: clockGiven, kinds: kinds, rdb: own, follower: follower, given: rdb, epochs: epochs,
		dispatcher: newDispatcher(cfg.Concurrency, cfg.ReadAhead),
		control:    control{stop: make(chan struct{})}, beats: newBeats(), rings: newRings(),
		stopping: make(chan struct{}), stopped: make(chan struct{}),
		running: make([]atomic.Pointer[task], cfg.Concurrency),
		abort:   func(error) {}, // until it starts
	}
	w.readers, w.sharedReads = newReaders(w), newSharedReads(w)
	w.observer.observer, w.observer.now = cfg.Observer, cfg.Now
	for _, name := range slices.Sorted(maps.Keys(cfg.Queues)) {
		s := newSubscription(w, name, cfg.Queues[name])
		s.declares = crons[name]
		w.subscriptions = append(w.subscriptions, s)
	}
	return w, nil
}

// check makes sure, before anything is written, that the worker may run all of its commands, and that Redis has data of
// a version that it can read; and then that each queue can be worked on.
func (w *Worker) check(ctx context.Context) error {
	for some := range slices.Chunk(w.subscriptions, startAtOnce) {
		if err := w.preflight(ctx, some); err != nil {
			return err
		}
	}
	if err := w.registry().CheckVersion(ctx); err != nil {
		return err
	}
	for some := range slices.Chunk(w.subscriptions, startAtOnce) {
		if err := w.bind(ctx, some); err != nil {
			return err
		}
	}
	return nil
}
