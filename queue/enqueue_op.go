package queue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// enqueueOp is one job that is being enqueued.
type enqueueOp struct {
	job        Enqueued
	queue      *clientQueue
	added      int64         // when its call began or it was handed over, on the monotonic clock
	args       []any         // of the XADD of a plain job
	call       *wire.Enqueue // of another; else nil
	asText     bool          // its server does not have the script
	raw        bool          // it is an entry of plain fields
	entry      string        // its ID, once it is there
	failure    error         // why sending it has failed, or why Redis has refused it
	size       int           // bytes of its data
	durability *Durability
	chosenID   string        // "" without [ID]
	unique     UniqueScope   // the zero value without [Unique] and the like
	unguarded  bool          // nothing would notice if it were sent twice
	err        error         // valid once done has its signal
	done       chan struct{} // holds one signal
	plain      [11]any       // memory for args
	data       wire.Bytes    // that it points to
}

// opPool keeps ops to be used again: with thousands of callers their garbage is what enqueueing costs most.
var opPool = sync.Pool{New: func() any { return &enqueueOp{done: make(chan struct{}, 1)} }}

// recycle gives an op back. No caller may be waiting for it, and it must be complete or never have been sent.
func (op *enqueueOp) recycle() {
	*op = enqueueOp{done: op.done}
	opPool.Put(op)
}

// addPlain makes a bare XADD: a job that is due at once and has nothing to guard it.
func (op *enqueueOp) addPlain(k *wire.Keys, data []byte, meta string) {
	op.data, op.unguarded = data, true
	op.args = wire.AppendPlain(op.plain[:0], k, &op.job.ID, &op.job.Kind, &op.data, meta)
}

// addRaw makes a bare XADD of plain fields.
func (op *enqueueOp) addRaw(stream string, fields []string) {
	op.raw, op.unguarded = true, true
	op.args = append(make([]any, 0, 3+len(fields)), "XADD", stream, "*")
	for _, field := range fields {
		op.args = append(op.args, field)
	}
}

// addCall makes a job that goes through a script, with others. With a guard it may be sent again: the guard identifies
// its own call.
func (op *enqueueOp) addCall(data []byte, meta string, o *enqueueOptions, mark string, now time.Time) {
	op.call = &wire.Enqueue{
		ID: op.job.ID, Kind: op.job.Kind, Meta: meta, Data: data, Due: op.job.Due,
		UniqueKey: o.unique.Key, UniqueFor: o.unique.For, Until: wire.Until(o.unique.Until),
		Replace: o.unique.Replace, Debounce: o.unique.Debounce > 0,
	}
	if op.job.Due != nil {
		op.call.UniqueFor += op.job.Due.Sub(now)
	}
	if o.id != "" || o.unique.isTracked() {
		op.call.Call, op.call.Window = mark, o.idWindow
	}
	op.unguarded = !op.call.Guarded()
}

// again decides after a try whether the job is sent again.
func (op *enqueueOp) again(ctx context.Context, try int) bool {
	err := op.failure
	switch {
	case err == nil || try >= resendAtMost || ctx.Err() != nil:
		return false
	case redis.HasErrorPrefix(err, "NOSCRIPT"):
		op.asText = true
		return true
	}
	return !op.unguarded && mayHaveArrived(err)
}

// complete reads the outcome and wakes the caller.
func (op *enqueueOp) complete() {
	switch err := op.failure; {
	case err == nil && op.unique.Reject && op.job.Duplicate && (op.chosenID == "" || op.job.ID != op.chosenID):
		op.settle(ErrDuplicate)
	case err == nil:
		op.settle(nil)
	case redis.HasErrorPrefix(err, "OOM"):
		op.settle(ErrFull)
	case mayHaveArrived(err):
		op.settle(fmt.Errorf("%w: %w", ErrUnknownOutcome, err))
	default:
		op.settle(err)
	}
}

// settle ends the op, which from then on is its caller's again.
func (op *enqueueOp) settle(err error) {
	op.err = err
	op.done <- struct{}{}
}

// took takes over what an XADD has replied.
func (op *enqueueOp) took(entry []byte, err error) {
	if op.failure = err; op.raw {
		op.entry = string(entry)
	}
}

// take takes over what the script has replied for the job.
func (op *enqueueOp) take(cell any) {
	found, err := wire.ReadEnqueued(cell)
	if op.failure = err; found != nil {
		op.job.Duplicate, op.job.ID, op.job.State, op.job.Changed = true, found.ID, found.State, found.Changed
		if found.Changed {
			op.job.Due = found.Due
		}
	}
}

// mayHaveArrived reports whether a command that failed so may have taken effect all the same.
func mayHaveArrived(err error) bool {
	var reply redis.Error
	if errors.As(err, &reply) {
		return false // Redis refused it
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return false
	}
	for _, unsent := range []error{redis.ErrClosed, redis.ErrPoolTimeout, redis.ErrPoolExhausted} {
		if errors.Is(err, unsent) {
			return false
		}
	}
	return true
}
