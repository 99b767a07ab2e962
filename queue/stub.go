package queue

import (
	"context"
	"github.com/redis/go-redis/v9"
	"time"
)

// NewInspector returns an inspector of the queues in rdb.
func NewInspector(rdb redis.UniversalClient, cfg InspectorConfig) (*Inspector, error) { panic("stub") }

// Queues lists the queues that a worker or a client has registered.
func (i *Inspector) Queues(ctx context.Context) ([]string, error) { panic("stub") }

// Queue counts the jobs of a queue, in O(1).
func (i *Inspector) Queue(ctx context.Context, queue string) (QueueInfo, error) { panic("stub") }

// Workers lists the workers registered with a queue.
func (i *Inspector) Workers(ctx context.Context, queue string) ([]WorkerInfo, error) { panic("stub") }
func (i *Inspector) Waiting(ctx context.Context, queue string, page Page) (JobPage, error) {
	panic("stub")
}
func (i *Inspector) InFlight(ctx context.Context, queue string, page Page) (JobPage, error) {
	panic("stub")
}
func (i *Inspector) Delayed(ctx context.Context, queue string, page Page) (JobPage, error) {
	panic("stub")
}
func (i *Inspector) Retrying(ctx context.Context, queue string, page Page) (JobPage, error) {
	panic("stub")
}
func (i *Inspector) Dead(ctx context.Context, queue string, page Page) (JobPage, error) {
	panic("stub")
}

// Job finds one job. ErrNotFound if it is in no state.
func (i *Inspector) Job(ctx context.Context, queue, id string) (JobInfo, error) { panic("stub") }

// RunNow makes a delayed or retrying job due at once.
func (i *Inspector) RunNow(ctx context.Context, queue, id string) error { panic("stub") }

// Requeue brings a dead job back, with fresh attempts.
func (i *Inspector) Requeue(ctx context.Context, queue, id string) error { panic("stub") }

// Delete removes a job in any state.
func (i *Inspector) Delete(ctx context.Context, queue, id string) error { panic("stub") }

// Purge deletes every job in a state (waiting, delayed, retrying, dead); progress (may be nil) is called after each batch with the total so far.
func (i *Inspector) Purge(ctx context.Context, queue string, state State, progress func(deleted int64)) (int64, error) {
	panic("stub")
}

// ClientConfig configures a [Client]. The zero value works.
type ClientConfig struct {
	Namespace   string        // begins every key; defaults to "navvy"
	MaxData     int           // bytes of a job's data, defaults to 1 MiB
	MaxBuffered int           // jobs waiting to be sent, over all callers, defaults to 10,000
	Timeout     time.Duration // of a call whose context has no earlier deadline; defaults to 5 s
	Observer    Observer      // told of EventEnqueued
	Now         func() time.Time
}
type Client struct{}

func NewClient(rdb redis.UniversalClient, cfg ClientConfig) (*Client, error) { panic("stub") }

// Enqueued is a job that Enqueue has put in Redis.
type Enqueued struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind"`
	Queue     string     `json:"queue"`
	Due       *time.Time `json:"due,omitempty"`
	Duplicate bool       `json:"duplicate,omitempty"`
	Err       error      `json:"-"` // EnqueueMany: why this item was not enqueued
}

// Item is one job of EnqueueMany
type Item struct {
	Args    Args
	Options []EnqueueOption
}

func (c *Client) Enqueue(ctx context.Context, args Args, opts ...EnqueueOption) (*Enqueued, error) {
	panic("stub")
}

// EnqueueMany enqueues in pipelines; returns one Enqueued per item, in order, each with its own Err; error non-nil if any failed.
func (c *Client) EnqueueMany(ctx context.Context, items []Item) ([]Enqueued, error) { panic("stub") }
func (c *Client) Close() error                                                      { panic("stub") }

// WorkerConfig
type WorkerConfig struct {
	Namespace   string
	Queues      map[string]QueueConfig
	Concurrency int           // slots; defaults to 10 per CPU
	ReadAhead   int           // 0 adaptive; n>0 always; -1 none
	Lease       time.Duration // 4s, at least 500ms
	Grace       time.Duration // 25s
	MaxCrashes  int           // 3
	Name        string        // host-pid
	Observer    Observer
	Now         func() time.Time
}
type QueueConfig struct {
	Weight int  // default 1
	Raw    *Raw // bound to a stream that other programs write; the map's key is then the stream's name
}
type Raw struct {
	Group string // default "workers"
	Kind  string // kind of its entries that have none; required
}
type Worker struct{}

func NewWorker(rdb redis.UniversalClient, mux *Mux, cfg WorkerConfig) (*Worker, error) { panic("stub") }

// Start joins the queues and begins to work; an unreachable Redis is an error.
func (w *Worker) Start(ctx context.Context) error { panic("stub") }

// Stop stops gracefully; when ctx ends first, at once.
func (w *Worker) Stop(ctx context.Context) error { panic("stub") }

// Run = Start, wait for ctx, Stop with the grace period.
func (w *Worker) Run(ctx context.Context) error { panic("stub") }

type task struct{}

func (t *task) setProgress(ctx context.Context, percent float64, note string) error { return nil }
