package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// Durability is how far a job must have come before [Client.Enqueue] returns, see [Durable].
type Durability struct {
	replicas int // that must have it, or have it on disk
	fsync    bool
	timeout  time.Duration
}

// Replicated waits until n replicas have the job (WAIT), for timeout at the most.
func Replicated(n int, timeout time.Duration) Durability {
	return Durability{replicas: n, timeout: timeout}
}

// Fsynced waits until the job is in the append-only file on disk, of the master and of so many replicas (WAITAOF,
// Redis 7.2), for timeout at the most. Redis must have its append-only file on.
func Fsynced(replicas int, timeout time.Duration) Durability {
	return Durability{replicas: replicas, fsync: true, timeout: timeout}
}

// Durable makes Enqueue wait until the job is as safe as asked. If Redis does not get there in time, the job is
// enqueued all the same, and the call returns it together with [ErrNotDurable]. It costs a round trip of the job's own,
// two on a cluster, and what replicas and disks take. Not even so can a failover lose nothing: a replica that has the
// job may not be the one that is promoted.
func Durable(d Durability) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if d.replicas < 0 || d.replicas == 0 && !d.fsync {
			o.errs = append(o.errs, fmt.Errorf("durable on %d replicas: must be at least 1", d.replicas))
		}
		if d.timeout < time.Millisecond {
			o.errs = append(o.errs, fmt.Errorf("durable within %s: must be at least 1ms", d.timeout))
		}
		o.durability = &d
	})
}

// DurableResult is how safe a job was when Enqueue returned.
type DurableResult struct {
	Replicas int  `json:"replicas"` // that have the job, or with Fsynced have it on disk
	Fsynced  bool `json:"fsynced"`  // on the master's disk; only known with Fsynced
}

func (d *Durability) satisfied(r DurableResult) bool {
	return r.Replicas >= d.replicas && (r.Fsynced || !d.fsync)
}

// Asked returns the least result that satisfies d.
func (d Durability) Asked() DurableResult {
	return DurableResult{Replicas: d.replicas, Fsynced: d.fsync}
}

// wait is the command that waits for it. It counts for the connection that it is sent on, so it is sent behind the job
// in one pipeline.
func (d *Durability) wait() redis.Cmder {
	ms := max(d.timeout.Milliseconds(), 1) // 0 would wait for ever
	if d.fsync {
		return redisx.OnceCmd{Cmd: redis.NewCmd(context.Background(), "WAITAOF", 1, d.replicas, ms)}
	}
	return redisx.OnceCmd{Cmd: redis.NewCmd(context.Background(), "WAIT", d.replicas, ms)}
}

func (d *Durability) read(reply any) DurableResult {
	switch reply := reply.(type) {
	case int64:
		return DurableResult{Replicas: int(reply)}
	case []any:
		if len(reply) == 2 {
			local, _ := reply[0].(int64)
			replicas, _ := reply[1].(int64)
			return DurableResult{Replicas: int(replicas), Fsynced: local > 0}
		}
	}
	return DurableResult{}
}

// durablePlaces bounds how many jobs of a client wait for replicas and disks at once. Each keeps a connection, while a
// replica is away for all of its time: the other jobs have the rest of the pool.
func durablePlaces(connections int) chan struct{} {
	const others = maxInFlight + 1 // the pipelines of the sender, and one for all else
	return make(chan struct{}, max(connections-others, 1))
}

// sendDurable enqueues one job and waits until it is as safe as asked, on one connection.
func (c *Client) sendDurable(ctx context.Context, op *enqueueOp, d *Durability) error {
	patience := d.patience(c.cfg.Timeout)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case c.durable <- struct{}{}:
		defer func() { <-c.durable }()
	case <-ctx.Done():
		return notSent(context.Cause(ctx))
	}
	node, err := redisx.Pin(ctx, c.rdb, c.queue(op.job.Queue).Stream, patience)
	if err != nil {
		return fmt.Errorf("find the master of queue %s: %w", op.job.Queue, err)
	}
	var wait redis.Cmder
	for try := 0; ; try++ {
		wait = d.wait()
		_ = redisx.WaitOutMove(ctx, func() error {
			sent := newSending([]*enqueueOp{op})
			node.Send(ctx, sent.cmds[0], wait)
			sent.read()
			return op.failure
		})
		if !op.again(ctx, try) {
			break
		}
	}
	op.complete()
	<-op.done
	if op.err != nil {
		return op.err
	}
	if err := wait.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotDurable, err)
	}
	reached := d.read(wait.(redisx.OnceCmd).Val())
	op.job.Reached = &reached
	if !d.satisfied(reached) {
		return fmt.Errorf("%w: after %s %d replicas had it, fsynced: %t", ErrNotDurable, d.timeout, reached.Replicas,
			reached.Fsynced)
	}
	return nil
}

// enqueueDurable is the rest of Enqueue for a job with [Durable].
func (c *Client) enqueueDurable(ctx context.Context, op *enqueueOp) (*Enqueued, error) {
	began := monotonic()
	err := c.sendDurable(ctx, op, op.durability)
	if err != nil && !errors.Is(err, ErrNotDurable) && !errors.Is(err, ErrDuplicate) {
		return nil, err
	}
	job := op.job
	c.noteQueue(ctx, op.queue, monotonic(), began+int64(op.durability.patience(c.cfg.Timeout)))
	c.observeEnqueued(&job)
	return &job, err
}

// patience is how long a call may take that waits for it.
func (d *Durability) patience(timeout time.Duration) time.Duration {
	return addDurations(timeout, d.timeout)
}
