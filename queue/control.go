package queue

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// control is what people have commanded a worker to do. A command that came by one queue may come by another one too, and
// late.
type control struct {
	mu    sync.Mutex
	last  int64 // when the last command was given, µs of Redis' clock
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

// applyCommand carries out a command as a heartbeat brings it, and as command.lua wrote it: what, when, and by whom.
func (w *Worker) applyCommand(text string) {
	words := append(strings.SplitN(text, " ", 3), "", "", "")
	at, _ := strconv.ParseInt(words[1], 10, 64)
	if event := w.control.apply(words[0], at); event != "" {
		w.observe(Event{Type: event, Worker: w.cfg.Name, By: words[2]})
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

// pause heeds whether the queue is paused, and whether the worker is quiet: either way it starts no job of the queue. A
// read that waits is ended, so that it brings nothing more; what it brings all the same is handed back. A quiet worker
// stays so while it stops.
func (ses *session) applyPause(ctx context.Context, paused bool) {
	if ses.wasPaused.Swap(paused) != paused {
		news := EventResumed
		if paused {
			news = EventPaused
		}
		ses.observe(Event{Type: news, Worker: ses.consumer})
	}
	rests := paused || ses.w.control.isQuiet()
	news := ses.w.dispatcher.setPaused(ses.buffer, rests)
	if !rests {
		return
	}
	if news {
		ses.reader.Interrupt(ctx)
	}
	if ses.transfer.TryLock() { // else somebody waits for Redis: at the next beat
		ses.handBack()
		ses.transfer.Unlock()
	}
}
