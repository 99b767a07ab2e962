package inspect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// WorkerInfo is one worker registered with a queue.
type WorkerInfo struct {
	Name      string    `json:"worker"`  // its consumer name, new in each session
	Process   string    `json:"process"` // the worker's own name, the same in each session and queue
	Queue     string    `json:"queue"`
	Host      string    `json:"host"`
	PID       int       `json:"pid"`
	Slots     int       `json:"slots"`
	Started   time.Time `json:"started_at"`
	LeaseMS   int64     `json:"lease_left_ms"` // by Redis' clock; negative when overdue
	Heartbeat Heartbeat `json:"heartbeat"`
	InFlight  int64     `json:"in_flight"`
	Running   int       `json:"running"` // slots that run jobs of this queue, at the last heartbeat
	Held      int       `json:"held"`    // of those in flight: not started, at the last heartbeat
	// of those: handlers that ignore their cancelled contexts; 50 at the most
	Stuck   int    `json:"stuck,omitempty"`
	Version string `json:"version,omitempty"` // of the worker's program
	// that it has handlers for; nil of a version that does not list them
	Kinds []string `json:"kinds,omitempty"`

	State WorkerState `json:"state,omitempty"` // at the last heartbeat
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
	q, err := i.find(ctx, queue)
	if err != nil {
		return nil, err
	}
	workers, err := i.workersIn(ctx, q)
	if err == nil {
		err = i.addLaneWorkers(ctx, q, workers)
	}
	return workers, err
}

// workersIn lists the sessions of one lane.
func (i *Inspector) workersIn(ctx context.Context, q *wire.QueueRef) ([]WorkerInfo, error) {
	leases, err := i.rdb.ZRangeWithScores(ctx, q.Workers(), 0, -1).Result()
	if err != nil {
		return nil, err
	}
	pipe := i.rdb.Pipeline()
	now := pipe.Time(ctx)
	pending := pipe.XPending(ctx, q.Stream, q.Group)
	details := make([]*redis.MapStringStringCmd, len(leases))
	for n, lease := range leases {
		details[n] = pipe.HGetAll(ctx, q.Worker(lease.Member.(string)))
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
		workers[n] = readWorker(q.Name, lease, details[n].Val(), now.Val())
		workers[n].InFlight = held[workers[n].Name]
	}
	return workers, nil
}

func readWorker(queue string, lease redis.Z, fields map[string]string, now time.Time) WorkerInfo {
	name, _ := lease.Member.(string)
	r := wire.ReadRegistration(name, fields)
	return WorkerInfo{
		Name: name, Process: r.Worker, Queue: queue, Host: r.Host, PID: r.PID, Slots: r.Slots,
		Running: r.Running, Held: r.Held, Stuck: len(r.Stuck), Version: r.Version, Kinds: r.Kinds,
		Started: inCalendar(r.Started),
		LeaseMS: wire.LeftMS(lease.Score, now), State: WorkerState(r.State),
		Heartbeat: newHolder(lease.Score, r.Lease).heartbeat(name, now),
	}
}

// Heartbeat is how the consumer that holds a job in flight is.
type Heartbeat string

// What is known of a job's holder.
const (
	HeartbeatAlive  Heartbeat = "alive"  // its worker has renewed its lease in time
	HeartbeatLate   Heartbeat = "late"   // more than half of the lease has passed without a heartbeat
	HeartbeatGone   Heartbeat = "gone"   // the lease has ended, or the consumer never had one
	HeartbeatParked Heartbeat = "parked" // no consumer holds it: it waits for the next free slot
)

// holder is a consumer as it is now.
type holder struct {
	ends       time.Time // of its lease; zero if it has none
	lease      time.Duration
	known      bool // whether the lease is the consumer's own
	maxCrashes int
	holds      wire.Holds
	stuck      []string // entries whose handlers ignore their cancelled contexts
}

// newHolder is a consumer whose lease ends then, 0 for none, and has that length, 0 for an unknown one.
func newHolder(endsMS float64, lease time.Duration) holder {
	h := holder{lease: lease, known: lease > 0}
	if endsMS > 0 {
		h.ends = time.UnixMilli(wire.ScoreMS(endsMS))
	}
	if h.lease == 0 {
		h.lease = wire.DefaultLease
	}
	return h
}

// leaseTolerance is how much further ahead than it can a lease may seem to lie, by clocks that are not quite in step.
const leaseTolerance = time.Second

func (h holder) heartbeat(consumer string, now time.Time) Heartbeat {
	switch left := h.ends.Sub(now); {
	case wire.IsParking(consumer):
		return HeartbeatParked
	case left <= 0 || h.known && left > h.lease+leaseTolerance: // Redis' clock was set back since
		return HeartbeatGone
	case left < h.lease/2:
		return HeartbeatLate
	}
	return HeartbeatAlive
}

// IsParking reports whether a consumer is one of those under which jobs in flight wait for a free slot: nobody holds
// them, see [HeartbeatParked].
func IsParking(consumer string) bool { return wire.IsParking(consumer) }
