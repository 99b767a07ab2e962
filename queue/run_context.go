package queue

import (
	"context"
	"sync"
	"time"
)

// runContext is the context of one run. Most short handlers never use theirs, so the timer and the bookkeeping of a
// cancellable context are made only when more than the run itself is asked for: that halves what a worker spends on a
// small job.
//
// Why: docs/decisions/engine.md#a-runs-context-is-made-when-it-is-asked-for
type runContext struct {
	task *task

	mu       sync.Mutex
	inner    context.Context
	cancel   context.CancelCauseFunc
	stop     context.CancelFunc // of the deadline's timer
	finished bool
	expired  bool // the run had timed out when it ended
}

var _ context.Context = (*runContext)(nil)

// Deadline returns when the run times out.
func (c *runContext) Deadline() (time.Time, bool) {
	return epoch.Add(time.Duration(c.task.began.Load())).Add(c.task.timeout()), true
}

// Done is closed when the run should end.
func (c *runContext) Done() <-chan struct{} { return c.make().Done() }

// Err returns why the run should end.
func (c *runContext) Err() error { return c.make().Err() }

// Value returns the run for [FromContext]. Any other key, context.Cause's own included, is the inner context's.
func (c *runContext) Value(key any) any {
	if _, ok := key.(runKey); ok {
		return &c.task.run
	}
	return c.make().Value(key)
}

func (c *runContext) make() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		deadline, _ := c.Deadline()
		c.inner, c.cancel = context.WithCancelCause(c.task.ses.ctx)
		c.inner, c.stop = context.WithDeadlineCause(c.inner, deadline, ErrTimeout)
		switch {
		case c.task.cancelled.Load() != nil && c.task.batch == nil: // of a batch, the others go on
			c.cancel(ErrCancelled)
		case c.finished:
			c.end()
		}
	}
	return c.inner
}

// finish ends the context when the handler has returned, which ran for so long.
func (c *runContext) finish(ran time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = true
	c.expired = ran >= c.task.timeout()
	if c.inner != nil {
		c.end()
	}
}

func (c *runContext) end() {
	c.stop()
	c.cancel(nil)
}

// cancelRun ends the context because a person has cancelled the job.
func (c *runContext) cancelRun() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner != nil {
		c.cancel(ErrCancelled)
	}
}

type runKey struct{}

// FromContext returns the run that a handler's context belongs to.
func FromContext(ctx context.Context) (*Run, bool) {
	run, ok := ctx.Value(runKey{}).(*Run)
	return run, ok
}
