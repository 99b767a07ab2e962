package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// between calls a function before the n-th command or pipeline that a client sends.
type between struct {
	n    int
	call func()
}

func (b *between) DialHook(next redis.DialHook) redis.DialHook { return next }

func (b *between) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { b.count(); return next(ctx, cmd) }
}

func (b *between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { b.count(); return next(ctx, cmds) }
}

func (b *between) count() {
	if b.n--; b.n == 0 {
		b.call()
	}
}

// move is how a job moves while it is looked for.
type move struct {
	from, to inspect.State
	outcome  error           // of its handler
	event    queue.EventType // when it has moved
}

// Whichever two commands of a lookup a job moves between, it is found: before its move or after.
func TestAJobIsFoundWhileItMoves(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]move{
		"comes to run": {inspect.StateWaiting, inspect.StateInFlight, nil, queue.EventStarted},
		"is done":      {inspect.StateInFlight, inspect.StateDone, nil, queue.EventDone},
		"fails":        {inspect.StateInFlight, inspect.StateRetrying, errors.New("busy"), queue.EventFailed},
		"dies": {inspect.StateInFlight, inspect.StateDead, queue.Cancel(errors.New("declined")),
			queue.EventDead},
		"waits and ends at once": {inspect.StateWaiting, inspect.StateDone, nil, queue.EventDone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 1
			for m.lookup(t, n) {
				n++
			}
			if n < 5 {
				t.Errorf("looked at %d places", n)
			}
		})
	}
}

// lookup looks a job up that moves before the n-th command, and reports whether there were as many.
func (m move) lookup(t *testing.T, n int) bool {
	f, outcome := newFleet(t), make(chan error, 1)
	defer close(outcome)
	start := func() {
		mux := queue.NewMux()
		mux.HandleKind("k", func(context.Context, *queue.Run) error { return <-outcome }, queue.Backoff(time.Hour, time.Hour))
		f.start(mux)
		f.await(queue.EventStarted, 1)
	}
	job := f.enqueue("k", `{}`, queue.Retain(time.Hour))
	if m.from != inspect.StateWaiting {
		start()
	}
	hook := &between{n: n, call: func() {
		if m.from == inspect.StateWaiting {
			start()
		}
		if m.event != queue.EventStarted {
			outcome <- m.outcome
		}
		f.await(m.event, 1)
	}}
	rdb := f.server.Client(t)
	rdb.AddHook(hook)
	insp, err := inspect.New(rdb, inspect.Config{Namespace: f.namespace})
	f.must(err)
	found, err := insp.Job(t.Context(), "orders", job.ID)
	if err != nil || found.ID != job.ID || found.State != m.from && found.State != m.to {
		t.Errorf("it moved before command %d: %s, %v", n, found.State, err)
	}
	return hook.n <= 0
}
