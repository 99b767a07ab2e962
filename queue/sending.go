package queue

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// sending is what is sent for jobs: a command for each plain one, and for the others calls of a script for many.
//
// Why: docs/decisions/engine.md#outcomes-and-guarded-jobs-travel-in-batches
type sending struct {
	cmds  []redis.Cmder
	plain []plainAdd
	calls []*sharedCall
}

// plainAdd is the command of a plain job.
type plainAdd struct {
	op  *enqueueOp
	cmd redisx.OnceStringCmd
}

// sharedCall is one call of a script for jobs of a queue.
type sharedCall struct {
	at    int // in the commands
	cmd   redisx.OnceCmd
	ops   []*enqueueOp
	bytes int
}

func newSending(batch []*enqueueOp) *sending {
	s := &sending{cmds: make([]redis.Cmder, 0, len(batch))}
	for _, op := range batch {
		if op.call == nil {
			add := plainAdd{op, redisx.OnceStringCmd{StringCmd: redis.NewStringCmd(context.Background(), op.args...)}}
			s.plain, s.cmds = append(s.plain, add), append(s.cmds, add.cmd)
		} else {
			s.share(op)
		}
	}
	for _, call := range s.calls {
		call.make()
		s.cmds[call.at] = call.cmd
	}
	return s
}

// share adds a job to the last call for such jobs, or begins one where the first of them stands.
func (s *sending) share(op *enqueueOp) {
	for i := len(s.calls) - 1; i >= 0; i-- {
		if call := s.calls[i]; call.isFor(op) {
			if call.hasRoom(op) {
				call.ops, call.bytes = append(call.ops, op), call.bytes+op.size
				return
			}
			break
		}
	}
	s.calls = append(s.calls, &sharedCall{at: len(s.cmds), ops: []*enqueueOp{op}, bytes: op.size})
	s.cmds = append(s.cmds, nil)
}

func (c *sharedCall) isFor(op *enqueueOp) bool {
	first := c.ops[0]
	return first.queue == op.queue && first.asText == op.asText && first.call.Companion(op.call)
}

func (c *sharedCall) hasRoom(op *enqueueOp) bool {
	return len(c.ops) < wire.MovesAtOnce && c.bytes+op.size <= wire.MovesBytesMost
}

func (c *sharedCall) make() {
	jobs := make([]*wire.Enqueue, len(c.ops))
	for i, op := range c.ops {
		jobs[i] = op.call
	}
	args := wire.EnqueueArgs(&c.ops[0].queue.QueueRef, jobs, c.ops[0].asText)
	c.cmd = redisx.OnceCmd{Cmd: redis.NewCmd(context.Background(), args...)}
}

// read gives each job its part of the replies.
func (s *sending) read() {
	for _, add := range s.plain {
		entry, err := add.cmd.Result()
		add.op.took([]byte(entry), err)
	}
	for _, call := range s.calls {
		var cells []any
		reply, err := call.cmd.Result()
		if err == nil {
			cells, err = wire.ReadEnqueue(reply, len(call.ops))
		}
		for i, op := range call.ops {
			if op.failure = err; err == nil {
				op.take(cells[i])
			}
		}
	}
}
