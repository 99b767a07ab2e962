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

// enqueueOp is one job on its way.
type enqueueOp struct {
	job         Enqueued
	added       int64 // when it was handed over, on the monotonic clock
	cmd         redis.Cmder
	args        []any // of a script, to send it again
	durability  *Durability
	unguarded   bool          // nothing would notice if it were sent twice
	uniqueGuard int           // which of the script's keys is the unique key; 0 if none
	err         error         // valid once done has its signal
	done        chan struct{} // holds one signal
	plain       [11]any       // room for the arguments of a bare XADD
}

// recycle gives an op back. Nobody may be waiting for it, and it must have landed or never have been sent.
func (op *enqueueOp) recycle() {
	*op = enqueueOp{done: op.done}
	opPool.Put(op)
}

// addPlain makes a bare XADD: a job that is due at once and has nothing to guard it.
func (op *enqueueOp) addPlain(k *wire.Keys, data []byte, meta string) {
	args := append(op.plain[:0], // pointers to strings: no copies to the heap
		"XADD", k.StreamArg, "*", wire.FieldID, &op.job.ID, wire.FieldKind, &op.job.Kind, wire.FieldData, data)
	if meta != "" {
		args = append(args, wire.FieldMeta, meta)
	}
	op.unguarded = true
	op.cmd = redisx.OnceStringCmd{StringCmd: redis.NewStringCmd(context.Background(), args...)}
}

// addRaw makes a bare XADD of plain fields.
func (op *enqueueOp) addRaw(stream string, fields []string) {
	args := make([]any, 0, 3+len(fields))
	args = append(args, "XADD", stream, "*")
	for _, field := range fields {
		args = append(args, field)
	}
	op.unguarded = true
	op.cmd = redisx.OnceStringCmd{StringCmd: redis.NewStringCmd(context.Background(), args...)}
}

// addScript makes a call of enqueue.lua. With a guard it may be sent again: the guard knows its own call.
func (op *enqueueOp) addScript(k *wire.Keys, data []byte, meta string, o *enqueueOptions, nonce string, now time.Time) {
	keys := []any{k.Stream, k.Delayed(), k.Bodies(), k.Totals()}
	argv := []any{op.job.ID, op.job.Kind, data, meta, "", ""}
	var delay time.Duration
	if op.job.Due != nil {
		delay = op.job.Due.Sub(now)
		argv[4], argv[5] = wire.CeilMilli(*op.job.Due), wire.EncodeBody(op.job.Kind, meta, data)
		argv[2], argv[3] = "", ""
	}
	if o.id != "" {
		keys = append(keys, k.IDMarker(o.id))
		argv = append(argv, nonce, (delay + IDWindow).Milliseconds())
	}
	if o.uniqueKey != "" {
		keys = append(keys, k.Unique(o.uniqueKey))
		argv = append(argv, op.job.ID, (delay + o.uniqueFor).Milliseconds())
		op.uniqueGuard = len(keys)
	}
	op.unguarded = len(keys) == 4
	op.args = append(append([]any{"EVALSHA", wire.ScriptEnqueue.Hash(), len(keys)}, keys...), argv...)
	op.cmd = redisx.OnceCmd{Cmd: redis.NewCmd(context.Background(), op.args...)}
}

// again decides after a try whether the job is sent again, and readies it.
func (op *enqueueOp) again(ctx context.Context, try int) bool {
	err := op.cmd.Err()
	switch {
	case err == nil || try >= resendAtMost || ctx.Err() != nil:
		return false
	case redis.HasErrorPrefix(err, "NOSCRIPT"):
		op.args[0], op.args[1] = "EVAL", wire.ScriptEnqueue.Text()
	case op.unguarded || !mayHaveArrived(err):
		return false
	}
	op.cmd = redisx.OnceCmd{Cmd: redis.NewCmd(context.Background(), op.args...)}
	return true
}

// land reads the outcome and wakes the caller.
func (op *enqueueOp) complete() {
	switch err := op.cmd.Err(); {
	case err == nil:
		op.readReply()
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

// readReply takes the verdict of enqueue.lua: {1, ID}, or {0, what the guard holds, which guard}.
func (op *enqueueOp) readReply() {
	if op.unguarded {
		return
	}
	cmd, _ := op.cmd.(redisx.OnceCmd)
	reply, _ := cmd.Val().([]any)
	if len(reply) < 3 {
		return
	}
	op.job.Duplicate = true
	if guard, _ := reply[2].(int64); int(guard) == op.uniqueGuard {
		op.job.ID, _ = reply[1].(string) // a unique key holds the ID of its job
	}
}

// Jobs on their way are used again: with thousands of callers the garbage they leave is what enqueueing costs most.
var opPool = sync.Pool{New: func() any { return &enqueueOp{done: make(chan struct{}, 1)} }}

// mayHaveArrived tells whether a command that failed so may have taken effect all the same.
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
