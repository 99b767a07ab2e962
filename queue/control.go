package queue

import (
	"context"
	"sync"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// control is what people have commanded a worker to do. A command that came by one queue may come by another one too,
// and late.
//
// Why: docs/decisions/engine.md#a-command-to-a-worker-is-a-field-of-its-registration-and-comes-back-with-the-heartbeat
type control struct {
	mu    sync.Mutex // guards the three below: the heartbeat of any queue writes them
	last  int64      // when the last command was given, µs of Redis' clock
	quiet bool
	stop  chan struct{} // closed by a command to stop
}

func (w *Worker) state() string {
	switch {
	case w.isStopping():
		return wire.WorkerStopping
	case w.control.isQuiet():
		return wire.WorkerQuiet
	}
	return wire.WorkerWorking
}

func (c *control) isQuiet() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.quiet
}

// applyCommand carries out a command as a heartbeat brings it, and as command.lua wrote it: what, when, and by which
// person.
func (w *Worker) applyCommand(text string) {
	command, at, by := wire.ReadCommand(text)
	if event := w.control.apply(command, at); event != "" {
		w.observe(Event{Type: event, Worker: w.cfg.Name, By: by})
	}
}

// apply takes a command over, and returns the event of the change; none if there is no change.
func (c *control) apply(command string, at int64) EventType {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at <= c.last {
		return ""
	}
	c.last = at
	was := c.quiet
	switch command {
	case wire.CommandStop:
		select {
		case <-c.stop:
			return ""
		default:
			close(c.stop)
			return EventWorkerStopping
		}
	case wire.CommandQuiet:
		if c.quiet = true; !was {
			return EventWorkerQuiet
		}
	case wire.CommandWake:
		if c.quiet = false; was {
			return EventWorkerAwake
		}
	}
	return ""
}

// applyPause applies whether the queue is paused, and whether the worker is quiet: either way it starts no job of the
// queue. A read that waits is ended, so that it brings nothing more; what it brings all the same is handed back. A
// quiet worker stays so while it stops.
//
// Why: docs/decisions/engine.md#a-pause-hands-back-what-was-read-ahead
func (ses *session) applyPause(ctx context.Context, paused bool) {
	if ses.wasPaused.Swap(paused) != paused {
		event := EventResumed
		if paused {
			event = EventPaused
		}
		ses.observe(Event{Type: event, Worker: ses.consumer})
	}
	rests := paused || ses.w.control.isQuiet()
	changed := ses.w.dispatcher.setPaused(ses.buffer, rests)
	if !rests {
		return
	}
	if changed {
		ses.interrupt(ctx)
	}
	if ses.transfer.TryLock() { // else another loop waits for Redis: with the next heartbeat
		ses.handBack()
		ses.transfer.Unlock()
	}
}
