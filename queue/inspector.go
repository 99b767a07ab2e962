package queue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// State is where a job is in its life.
type State string

// The states of a job. Waiting is in the stream and not delivered; in flight is delivered and not acknowledged
// ("pending" in Redis' words); delayed is due later; retrying is delayed by a failure; dead gave up and is kept for a
// person; done is finished, and known only while it has [Retain].
const (
	StateWaiting  State = "waiting"
	StateInFlight State = "in_flight"
	StateDelayed  State = "delayed"
	StateRetrying State = "retrying"
	StateDead     State = "dead"
	StateDone     State = "done"
)

// Inspector shows what is in Redis and lets a person act on it. Nothing it does takes longer in a longer queue, unless
// its comment says what bounds it.
type Inspector struct {
	rdb       redis.UniversalClient
	namespace string
	now       func() time.Time
}

// InspectorConfig configures an [Inspector]. The zero value works.
type InspectorConfig struct {
	Namespace string           // defaults to "navvy"
	Now       func() time.Time // defaults to time.Now
}

// QueueInfo is a queue at a glance.
type QueueInfo struct {
	Name          string        `json:"queue"`
	Stream        string        `json:"stream"`
	Group         string        `json:"group"`
	Raw           bool          `json:"raw,omitempty"` // bound to a stream that others write
	Waiting       int64         `json:"waiting"`
	InFlight      int64         `json:"in_flight"`
	Delayed       int64         `json:"delayed"`
	Retrying      int64         `json:"retrying"`
	Dead          int64         `json:"dead"`
	Workers       int64         `json:"workers"`
	OldestWaiting time.Duration `json:"oldest_waiting_ns"` // age of the first waiting entry
	Paused        *Attribution  `json:"paused,omitempty"`  // since when and by whom; nil if it is not
	Totals        Totals        `json:"totals"`
}

// Totals count what has happened to a queue's jobs since it was created. They change in the same atomic step as the
// job itself.
type Totals struct {
	Delayed  int64 `json:"delayed"` // enqueued with a delay
	Done     int64 `json:"done"`
	Retried  int64 `json:"retried"` // failed attempts that are tried again
	Snoozed  int64 `json:"snoozed"`
	Dead     int64 `json:"dead"`
	Promoted int64 `json:"promoted"` // delayed and retrying jobs that became due
	Requeued int64 `json:"requeued"` // dead jobs brought back
	Deleted  int64 `json:"deleted"`  // by a person
}

// JobInfo is a job as it lies in Redis. Fields that do not apply to its state are zero.
type JobInfo struct {
	ID          string          `json:"id"`
	Kind        string          `json:"kind"`
	Queue       string          `json:"queue"`
	State       State           `json:"state"`
	Data        json.RawMessage `json:"data,omitempty"` // JSON; what is not JSON in Redis is shown as a JSON string
	Attempt     int             `json:"attempt"`        // failed attempts so far
	MaxAttempts int             `json:"max_attempts,omitempty"`
	Redelivered int             `json:"redelivered,omitempty"`
	EnqueuedAt  *time.Time      `json:"enqueued_at,omitempty"`
	Due         *time.Time      `json:"due,omitempty"`        // delayed, retrying
	Error       string          `json:"error,omitempty"`      // of the last failed attempt
	Reason      string          `json:"reason,omitempty"`     // dead: why
	EndedAt     *time.Time      `json:"ended_at,omitempty"`   // dead, done
	Entry       string          `json:"entry,omitempty"`      // waiting, in flight, dead: its stream ID there
	Worker      string          `json:"worker,omitempty"`     // in flight: who holds it; dead, done: who had it last
	IdleMS      int64           `json:"idle_ms,omitempty"`    // in flight: since its delivery
	Deliveries  int64           `json:"deliveries,omitempty"` // in flight
	Result      json.RawMessage `json:"result,omitempty"`     // done
	Progress    *Progress       `json:"progress,omitempty"`   // recorded by the handler
	UniqueKey   string          `json:"unique_key,omitempty"`
	Trace       string          `json:"trace,omitempty"` // the traceparent it was enqueued with
	RequestID   string          `json:"request_id,omitempty"`
	Cancelled   *Attribution    `json:"cancelled,omitempty"` // in flight: a person has cancelled it, and its handler goes on
	Heartbeat   Heartbeat       `json:"heartbeat,omitempty"` // in flight: how its holder is
	Crashes     int             `json:"crashes,omitempty"`   // in flight: how many workers died with it
	Stuck       bool            `json:"stuck,omitempty"`     // in flight: see [PresetStuck]
	NextStep    string          `json:"next_step,omitempty"` // in flight: what happens next, for a person
	NextAt      *time.Time      `json:"next_at,omitempty"`   // in flight: when, if that is known

	source entry  // as it is in Redis
	body   string // of a delayed or retrying job
}

// Progress is what a handler recorded with [Run.SetProgress].
type Progress struct {
	Percent float64   `json:"percent"`
	Note    string    `json:"note,omitempty"`
	At      time.Time `json:"at"`
}

// Page asks for one page of a list.
type Page struct {
	Cursor string // "" for the first page, then JobPage.Next
	Limit  int    // jobs at the most; defaults to 50, 1000 at the most

	// MaxScan bounds how many jobs a [Inspector.Search] looks at for one page; defaults to [DefaultMaxScan].
	MaxScan int
}

// JobPage is one page of a list.
type JobPage struct {
	Jobs []JobInfo `json:"jobs"`
	Next string    `json:"next,omitempty"` // the cursor of the next page; "" at the end
}

// WorkerInfo is one worker registered with a queue.
type WorkerInfo struct {
	Name      string    `json:"worker"`
	Queue     string    `json:"queue"`
	Host      string    `json:"host"`
	PID       int       `json:"pid"`
	Slots     int       `json:"slots"`
	Started   time.Time `json:"started_at"`
	LeaseMS   int64     `json:"lease_left_ms"` // by Redis' clock; negative when overdue
	Heartbeat Heartbeat `json:"heartbeat"`
	InFlight  int64     `json:"in_flight"`
	Running   int       `json:"running"`           // slots that run jobs of this queue, at the last beat
	Stuck     int       `json:"stuck,omitempty"`   // of those: handlers that ignore their cancelled contexts; 50 at the most
	Version   string    `json:"version,omitempty"` // of the worker's program

	State WorkerState `json:"state,omitempty"` // at the last beat
}

// NewInspector returns an inspector of the queues in rdb, which stays the caller's to close.
func NewInspector(rdb redis.UniversalClient, cfg InspectorConfig) (*Inspector, error) {
	cfg.Namespace = cmp.Or(cfg.Namespace, DefaultNamespace)
	if err := validateNamespace(cfg.Namespace); err != nil {
		return nil, fmt.Errorf("queue: inspector: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Inspector{rdb: rdb, namespace: cfg.Namespace, now: cfg.Now}, nil
}

// place is a queue as the inspector finds it.
type place struct {
	name string
	binding
	keys keys
}

// find looks a queue up. ErrNotFound if nobody has ever used it.
func (i *Inspector) find(ctx context.Context, queue string) (place, error) {
	r := registry{rdb: i.rdb, key: registryKey(i.namespace)}
	b, known, err := r.lookup(ctx, queue)
	if err != nil {
		return place{}, err
	}
	p := place{name: queue, binding: b, keys: b.keys(i.namespace, queue)}
	if known {
		return p, nil
	}
	if err := validateQueue(queue); err != nil {
		return place{}, err
	}
	switch n, err := i.rdb.Exists(ctx, p.keys.stream, p.keys.bodies()).Result(); {
	case err != nil:
		return place{}, err
	case n == 0:
		return place{}, fmt.Errorf("no queue %q has ever been used here: %w", queue, ErrNotFound)
	}
	return p, nil
}

// Queues lists, by name, the queues that a client or a worker has used.
func (i *Inspector) Queues(ctx context.Context) ([]string, error) {
	names, err := i.rdb.HKeys(ctx, registryKey(i.namespace)).Result()
	if err != nil {
		return nil, fmt.Errorf("queue: list queues: %w", err)
	}
	slices.Sort(names)
	return names, nil
}

// Queue counts the jobs of a queue in one round trip of O(1) commands. [ErrNotFound] if nobody has ever used it.
func (i *Inspector) Queue(ctx context.Context, queue string) (QueueInfo, error) {
	info, err := i.queueInfo(ctx, queue)
	if err != nil {
		return QueueInfo{}, fmt.Errorf("queue: inspect %s: %w", queue, err)
	}
	return info, nil
}

func (i *Inspector) queueInfo(ctx context.Context, queue string) (QueueInfo, error) {
	p, err := i.find(ctx, queue)
	if err != nil {
		return QueueInfo{}, err
	}
	pipe := i.rdb.Pipeline()
	length := pipe.XLen(ctx, p.keys.stream)
	pending := pipe.XPending(ctx, p.keys.stream, p.group())
	delayed, retrying := pipe.ZCard(ctx, p.keys.delayed()), pipe.ZCard(ctx, p.keys.retrying())
	dead, workers := pipe.XLen(ctx, p.keys.dead()), pipe.ZCard(ctx, p.keys.workers())
	totals, paused := pipe.HGetAll(ctx, p.keys.totals()), pipe.Get(ctx, p.keys.paused())
	if _, err := pipe.Exec(ctx); err != nil && !redis.HasErrorPrefix(err, "NOGROUP") && !errors.Is(err, redis.Nil) {
		return QueueInfo{}, err
	}
	info := QueueInfo{
		Name: queue, Stream: p.keys.stream, Group: p.group(), Raw: p.Raw,
		Delayed: delayed.Val(), Retrying: retrying.Val(), Dead: dead.Val(), Workers: workers.Val(),
		Totals: readTotals(totals.Val()),
	}
	if paused.Val() != "" {
		info.Paused = decodeAttribution(paused.Val())
	}
	if pending.Err() == nil && pending.Val() != nil {
		info.InFlight = pending.Val().Count
	}
	info.Waiting = max(length.Val()-info.InFlight, 0)
	if info.Waiting > 0 {
		info.OldestWaiting, err = i.oldestWaiting(ctx, p)
	}
	return info, err
}

func readTotals(fields map[string]string) Totals {
	n := func(name string) int64 {
		v, _ := strconv.ParseInt(fields[name], 10, 64)
		return v
	}
	return Totals{
		Delayed: n("scheduled"), Done: n("done"), Retried: n("retried"), Snoozed: n("snoozed"), Dead: n("dead") + n("cancelled_scheduled"),
		Promoted: n("promoted"), Requeued: n("requeued"), Deleted: n("deleted_stream") + n("deleted_scheduled") + n("deleted_dead"),
	}
}

// oldestWaiting is the age of the first entry that was not delivered.
func (i *Inspector) oldestWaiting(ctx context.Context, p place) (time.Duration, error) {
	after, err := i.lastDelivered(ctx, p)
	if err != nil {
		return 0, err
	}
	first, err := i.rdb.XRangeN(ctx, p.keys.stream, entryAfter(after), "+", 1).Result()
	if err != nil || len(first) == 0 {
		return 0, err
	}
	return max(i.now().Sub(entryTime(first[0].ID)), 0), nil
}

// lastDelivered is the stream ID behind which entries wait; "0-0" if there is no group yet.
func (i *Inspector) lastDelivered(ctx context.Context, p place) (string, error) {
	groups, err := i.rdb.XInfoGroups(ctx, p.keys.stream).Result()
	if err != nil && !redis.HasErrorPrefix(err, "ERR no such key") {
		return "", err
	}
	for _, g := range groups {
		if g.Name == p.group() && g.LastDeliveredID != "" {
			return g.LastDeliveredID, nil
		}
	}
	return "0-0", nil
}

// Workers lists the workers registered with a queue.
func (i *Inspector) Workers(ctx context.Context, queue string) ([]WorkerInfo, error) {
	workers, err := i.workers(ctx, queue)
	if err != nil {
		return nil, fmt.Errorf("queue: workers of %s: %w", queue, err)
	}
	return workers, nil
}

func (i *Inspector) workers(ctx context.Context, queue string) ([]WorkerInfo, error) {
	p, err := i.find(ctx, queue)
	if err != nil {
		return nil, err
	}
	leases, err := i.rdb.ZRangeWithScores(ctx, p.keys.workers(), 0, -1).Result()
	if err != nil {
		return nil, err
	}
	pipe := i.rdb.Pipeline()
	now := pipe.Time(ctx)
	pending := pipe.XPending(ctx, p.keys.stream, p.group())
	details := make([]*redis.MapStringStringCmd, len(leases))
	for n, lease := range leases {
		details[n] = pipe.HGetAll(ctx, p.keys.worker(lease.Member.(string)))
	}
	if _, err := pipe.Exec(ctx); err != nil && !redis.HasErrorPrefix(err, "NOGROUP") && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	var held map[string]int64
	if pending.Err() == nil && pending.Val() != nil {
		held = pending.Val().Consumers
	}
	workers := make([]WorkerInfo, len(leases))
	for n, lease := range leases {
		workers[n] = readWorker(queue, lease, details[n].Val(), now.Val())
		workers[n].InFlight = held[workers[n].Name]
	}
	return workers, nil
}

func readWorker(queue string, lease redis.Z, fields map[string]string, now time.Time) WorkerInfo {
	n := func(name string) int64 {
		v, _ := strconv.ParseInt(fields[name], 10, 64)
		return v
	}
	name, _ := lease.Member.(string)
	return WorkerInfo{
		Name: name, Queue: queue, Host: fields["host"], PID: int(n("pid")), Slots: int(n("slots")),
		Running: int(n("running")), Stuck: len(strings.Fields(fields["stuck"])), Version: fields["version"],
		Started: time.UnixMilli(n("started_ms")).UTC(), LeaseMS: int64(lease.Score) - now.UnixMilli(),
		State:     WorkerState(fields["state"]),
		Heartbeat: newHolder(lease.Score, n("lease_ms")).heartbeat(name, now),
	}
}
