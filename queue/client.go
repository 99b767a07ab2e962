package queue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Client enqueues jobs. It is safe for any number of goroutines: calls that run at the same time share round trips.
type Client struct {
	cfg      ClientConfig
	observer guardedObserver
	rdb      redis.UniversalClient // the client's own
	sender   *sender
	durable  chan struct{} // has an item for each job that is sent or waits, with [Durable]
	ids      *wire.IDSource
	registry wire.Registry
	queues   sync.Map // name → *clientQueue
}

// ClientConfig configures a [Client]. The zero value works: fields that are zero have their default.
type ClientConfig struct {
	Namespace   string           // begins every key; defaults to "navvy"
	MaxData     int              // bytes of one job's data; defaults to 1 MiB, 500 MiB at the most
	MaxBuffered int              // jobs waiting to be sent, over all callers, of 64 MiB at the most; defaults to 10,000
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
	c.MaxData = min(c.MaxData, maxData)
	c.Now = guardClock(c.Now)
	return c
}

func (c ClientConfig) validate() error {
	var wrong mistakes
	wrong.add(wire.ValidateNamespace(c.Namespace))
	wrong.check(c.MaxData >= 1, "MaxData %d: must be at least 1", c.MaxData)
	wrong.check(c.MaxBuffered >= 1, "MaxBuffered %d: must be at least 1", c.MaxBuffered)
	wrong.check(c.Timeout >= time.Millisecond, "Timeout %s: must be at least 1ms", c.Timeout)
	return wrong.err()
}

// NewClient returns a client that enqueues to rdb's Redis. It opens connections of its own with rdb's options: rdb must
// be a *redis.Client (Sentinel's included) or a *redis.ClusterClient, and stays the caller's to close. Hooks that a
// *redis.Client has by then see the commands of these connections too, but of plain jobs that travel together a single
// one, navvy.pipeline; on a cluster, put them on its nodes' clients with redis.ClusterOptions.NewClient.
func NewClient(rdb redis.UniversalClient, cfg ClientConfig) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("queue: client: %w", err)
	}
	own, _, err := ownClient(rdb, 1)
	if err != nil {
		return nil, fmt.Errorf("queue: client: %w", invalid(err))
	}
	c := &Client{
		cfg:      cfg,
		rdb:      own,
		sender:   newSender(own, cfg.MaxBuffered, cfg.Timeout),
		durable:  durablePlaces(redisx.Connections(own)),
		ids:      wire.NewIDSource(),
		registry: wire.NewRegistry(own, cfg.Namespace),
	}
	c.observer.observer, c.observer.now = cfg.Observer, cfg.Now
	return c, nil
}

// mayCall reports what keeps a call from doing anything.
func (c *Client) mayCall(ctx context.Context) error {
	switch {
	case c == nil || c.sender == nil:
		return invalidf("the client was not made by NewClient")
	case ctx.Err() != nil:
		return fmt.Errorf("nothing was enqueued: %w", context.Cause(ctx))
	}
	return nil
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

// Enqueue puts a job in Redis. From the moment it returns nil, the job ends as done, dead, or cancelled or
// deleted by a person.
//
// Errors: [ErrUnknownOutcome] when the connection failed after the job was sent, [ErrFull], [ErrOverloaded],
// [ErrTooLarge], [ErrClosed], [ErrInvalid]; [ErrNotDurable] comes with the job, which is enqueued; anything else says
// that nothing was enqueued, and why.
func (c *Client) Enqueue(ctx context.Context, args Args, opts ...EnqueueOption) (*Enqueued, error) {
	if err := c.mayCall(ctx); err != nil {
		return nil, fmt.Errorf("queue: enqueue: %w", err)
	}
	began := monotonic()
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
	op.added = began
	if err := c.sender.send(ctx, op); err != nil { // the op may still be under way: it is not recycled
		return nil, fmt.Errorf("queue: enqueue %s on %s: %w", op.job.Kind, op.job.Queue, err)
	}
	job, q := op.job, op.queue
	op.recycle()
	c.noteQueue(ctx, q, began, began+int64(c.cfg.Timeout))
	c.observeEnqueued(&job)
	return &job, nil
}

// Close waits for what was handed over, refuses what comes after, and closes the client's own connections.
func (c *Client) Close() error {
	if c == nil || c.sender == nil {
		return nil
	}
	if !c.sender.close() {
		return nil
	}
	// A connection that was dropped at this moment, since the master has moved, is closed already.
	if err := c.rdb.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
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
	return c.newOp(o.kind, data, o), nil
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
	if job.Due = o.due(now); job.Due != nil {
		m.Lane = o.lane
	}
	m.Expires = o.expires(now, job.Due)
	op := opPool.Get().(*enqueueOp)
	op.job, op.size, op.durability = job, len(data), o.durability
	op.chosenID, op.unique = o.id, o.uniqueKey
	op.queue = c.queue(o.queue).in(o.lane)
	q := &op.queue.QueueRef
	if job.Due == nil && o.id == "" && o.uniqueKey == "" {
		op.addPlain(&q.Keys, data, m.Encode())
	} else {
		op.addCall(data, m.Encode(), o, c.ids.Next(now), now)
	}
	return op
}
