package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Client enqueues jobs. It is safe for any number of goroutines: calls that run at the same time share round trips.
type Client struct {
	cfg      ClientConfig
	rdb      redis.UniversalClient // the client's own
	sender   *sender
	ids      *wire.IDSource
	registry wire.Registry
	queues   sync.Map // name → *clientQueue
}

// ClientConfig configures a [Client]. The zero value works.
type ClientConfig struct {
	Namespace   string           // begins every key; defaults to "navvy"
	MaxData     int              // bytes of one job's data; defaults to 1 MiB
	MaxBuffered int              // jobs waiting to be sent, over all callers; defaults to 10,000
	Timeout     time.Duration    // how long a call takes at the most; defaults to 5 s
	Observer    Observer         // receives EventEnqueued; defaults to none
	Now         func() time.Time // defaults to time.Now
}

// Defaults of a [ClientConfig].
const (
	DefaultMaxData       = wire.DefaultMaxData
	DefaultMaxBuffered   = 10_000
	DefaultClientTimeout = 5 * time.Second
)

func (c ClientConfig) withDefaults() ClientConfig {
	if c.Namespace == "" {
		c.Namespace = wire.DefaultNamespace
	}
	if c.MaxData == 0 {
		c.MaxData = DefaultMaxData
	}
	if c.MaxBuffered == 0 {
		c.MaxBuffered = DefaultMaxBuffered
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultClientTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c ClientConfig) validate() error {
	if err := wire.ValidateNamespace(c.Namespace); err != nil {
		return err
	}
	if c.MaxData < 1 || c.MaxBuffered < 1 || c.Timeout < time.Millisecond {
		return errors.New("MaxData, MaxBuffered and Timeout must be positive")
	}
	return nil
}

// NewClient returns a client that enqueues to rdb's Redis. It opens connections of its own with rdb's options: rdb must
// be a *redis.Client (Sentinel's included) or a *redis.ClusterClient, and stays the caller's to close.
func NewClient(rdb redis.UniversalClient, cfg ClientConfig) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("queue: client: %w", err)
	}
	own, err := ownClient(rdb, 1)
	if err != nil {
		return nil, fmt.Errorf("queue: client: %w", err)
	}
	return &Client{
		cfg:      cfg,
		rdb:      own,
		sender:   newSender(own, cfg.MaxBuffered, cfg.Timeout),
		ids:      wire.NewIDSource(),
		registry: wire.NewRegistry(own, cfg.Namespace),
	}, nil
}

// Enqueued is a job as [Client.Enqueue] has put it in Redis.
type Enqueued struct {
	ID        string         `json:"id"`
	Kind      string         `json:"kind"`
	Queue     string         `json:"queue"`
	Due       *time.Time     `json:"due,omitempty"`       // nil: at once
	Reached   *DurableResult `json:"reached,omitempty"`   // with [Durable]: how safe the job was
	Duplicate bool           `json:"duplicate,omitempty"` // nothing was enqueued: ID is the job that was there before
	State     string         `json:"state,omitempty"`     // of that job, as package inspect names it; "" if not known
	Err       error          `json:"-"`                   // of this item of [Client.EnqueueMany]
}

// Item is one job for [Client.EnqueueMany].
type Item struct {
	Args    Args
	Options []EnqueueOption
}

// Enqueue puts a job in Redis. From the moment it returns nil, the job ends as done, dead or deleted by a person.
//
// Errors: [ErrUnknownOutcome] when the connection failed after the job was sent, [ErrFull], [ErrOverloaded],
// [ErrTooLarge], [ErrClosed]; [ErrNotDurable] comes with the job, which is enqueued; anything else says that nothing
// was enqueued, and why.
func (c *Client) Enqueue(ctx context.Context, args Args, opts ...EnqueueOption) (*Enqueued, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("queue: enqueue: nothing was enqueued: %w", context.Cause(ctx))
	}
	op, err := c.prepare(args, opts)
	if err != nil {
		return nil, fmt.Errorf("queue: enqueue: %w", err)
	}
	if op.durability != nil {
		job, err := c.enqueueDurable(ctx, op)
		if err != nil {
			err = fmt.Errorf("queue: enqueue %s on %s: %w", op.job.Kind, op.job.Queue, err)
		}
		return job, err
	}
	if err := c.sender.send(ctx, op); err != nil { // the op may still be under way: it is not recycled
		return nil, fmt.Errorf("queue: enqueue %s on %s: %w", op.job.Kind, op.job.Queue, err)
	}
	job := op.job
	op.recycle()
	c.enqueued(ctx, &job)
	return &job, nil
}

// manyAtOnce bounds what EnqueueMany holds in memory twice: as items and as commands.
const manyAtOnce = 1000

// EnqueueMany puts many jobs in Redis, in pipelines. It returns one Enqueued for each item, in their order, each with
// its own Err, and an error that counts and names the first if any failed. ClientConfig.Timeout applies to each
// thousand. Jobs with [Durable] are sent one by one.
func (c *Client) EnqueueMany(ctx context.Context, items []Item) ([]Enqueued, error) {
	results := make([]Enqueued, len(items))
	for from := 0; from < len(items); from += manyAtOnce {
		to := min(from+manyAtOnce, len(items))
		c.enqueueChunk(ctx, items[from:to], results[from:to])
	}
	failed, first := 0, error(nil)
	for i := range results {
		if err := results[i].Err; err != nil {
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

func (c *Client) enqueueChunk(ctx context.Context, items []Item, results []Enqueued) {
	ops := make([]*enqueueOp, len(items))
	for i, item := range items {
		op, err := c.prepare(item.Args, item.Options)
		switch {
		case err != nil:
			results[i].Err = err
		case op.durability != nil:
			results[i] = c.enqueueOneDurable(ctx, op)
		default:
			results[i] = op.job
			if results[i].Err = c.sender.add(op); results[i].Err == nil {
				ops[i] = op
			}
		}
	}
	for i, op := range ops {
		if op == nil {
			continue
		}
		err := c.sender.wait(ctx, op)
		if err == nil {
			results[i] = op.job
			op.recycle()
			c.enqueued(ctx, &results[i])
		}
		results[i].Err = err
	}
}

func (c *Client) enqueueOneDurable(ctx context.Context, op *enqueueOp) Enqueued {
	job, err := c.enqueueDurable(ctx, op)
	if job == nil {
		job = &op.job
	}
	job.Err = err
	return *job
}

// Close waits for what was handed over, refuses what comes after, and closes the client's own connections.
func (c *Client) Close() error {
	if !c.sender.close() {
		return nil
	}
	if err := c.rdb.Close(); err != nil {
		return fmt.Errorf("queue: close client: %w", err)
	}
	return nil
}

// prepare checks a job and makes the command that enqueues it.
func (c *Client) prepare(args Args, opts []EnqueueOption) (*enqueueOp, error) {
	o := optionsPool.Get().(*enqueueOptions)
	defer optionsPool.Put(o)
	data, err := o.resolve(args, opts, c.cfg.MaxData)
	if err != nil {
		return nil, err
	}
	return c.newOp(args.Kind(), data, o), nil
}

func (c *Client) newOp(kind string, data []byte, o *enqueueOptions) *enqueueOp {
	now := c.cfg.Now()
	job := Enqueued{ID: o.id, Kind: kind, Queue: o.queue}
	m := wire.Meta{Unique: o.uniqueKey, Trace: o.trace, RequestID: o.requestID}
	setPolicy(&m, &o.policy)
	if o.id == "" {
		job.ID = c.ids.Next(now)
	} else {
		m.EnqueuedAt, m.Guarded = now.UnixMilli(), true
	}
	job.Due = o.due(now)
	op := opPool.Get().(*enqueueOp)
	op.job, op.durability = job, o.durability
	q := &c.queue(o.queue).QueueRef
	if job.Due == nil && o.id == "" && o.uniqueKey == "" {
		op.addPlain(&q.Keys, data, m.Encode())
	} else {
		op.addScript(q, data, m.Encode(), o, c.ids.Next(now), now)
	}
	return op
}

// clientQueue is a queue that a client uses.
type clientQueue struct {
	wire.QueueRef
	noted atomic.Int64 // when it was last noted in the registry, on the monotonic clock
}

// noteEvery is how often a client notes a queue that it uses, in case the registry was lost with Redis' data.
const noteEvery = time.Minute

// queue remembers the queues that the process uses: they are few, and used many times a second.
func (c *Client) queue(name string) *clientQueue {
	if q, ok := c.queues.Load(name); ok {
		return q.(*clientQueue)
	}
	q := &clientQueue{QueueRef: wire.NewQueueRef(c.cfg.Namespace, name, wire.Binding{})}
	q.noted.Store(-int64(noteEvery))
	known, _ := c.queues.LoadOrStore(name, q)
	return known.(*clientQueue)
}

// enqueued notifies the observer, and once a minute for each queue the registry.
func (c *Client) enqueued(ctx context.Context, job *Enqueued) {
	q, now := c.queue(job.Queue), monotonic()
	if last := q.noted.Load(); now-last >= int64(noteEvery) && q.noted.CompareAndSwap(last, now) {
		c.registry.AddQueue(ctx, job.Queue)
	}
	if c.cfg.Observer != nil && !job.Duplicate {
		e := Event{Type: EventEnqueued, Time: c.cfg.Now(), Queue: job.Queue, Job: job.ID, Kind: job.Kind}
		if job.Due != nil {
			e.Due = *job.Due
		}
		c.cfg.Observer.Observe(e)
	}
}
