package queue

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// WorkerOrder is what a person tells one worker.
type WorkerCommand string

// The orders to a worker. They concern all its queues.
const (
	CommandQuiet WorkerCommand = "quiet" // start no more jobs: what runs goes on, what was read ahead is handed back
	CommandWake  WorkerCommand = "wake"  // start jobs again after OrderQuiet
	CommandStop  WorkerCommand = "stop"  // stop in good order and end, as [Worker.Stop] with the worker's grace does
)

// WorkerState is what a worker does with new jobs.
type WorkerState string

// The states of a worker.
const (
	WorkerWorking  WorkerState = ""         // it starts them
	WorkerQuiet    WorkerState = "quiet"    // it leaves them to others, and lets those finish that run
	WorkerStopping WorkerState = "stopping" // likewise, and then it ends
)

// Tell gives an order to one worker, by the name that [Inspector.Workers] shows for the queue. The worker heeds it within
// a beat, half a second with the default lease, for all its queues. An order lasts as long as the process does; a program
// that is started anew knows nothing of it. [ErrNotFound] if the queue has no such worker.
func (i *Inspector) CommandWorker(ctx context.Context, queue, worker string, order WorkerCommand) error {
	if order != CommandQuiet && order != CommandWake && order != CommandStop {
		return fmt.Errorf("queue: tell %s: %q is no order: quiet, wake or stop", worker, order)
	}
	who, _ := ctx.Value(actorKey{}).(string)
	p, err := i.find(ctx, queue)
	told := 0
	if err == nil {
		told, err = scriptCommand.Run(ctx, i.rdb, []string{p.keys.worker(worker)}, string(order), who).Int()
	}
	if err == nil && told == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("queue: tell %s of %s: %w", worker, queue, err)
	}
	return nil
}

// obedience is what a worker has been told. An order that came by one queue may come by another one too, and late.
type control struct {
	mu          sync.Mutex
	lastCommand int64 // when the last order was given, µs of Redis' clock
	quiet       bool
	stop        chan struct{} // closed by OrderStop
}

func (w *Worker) state() WorkerState {
	if w.isStopping() {
		return WorkerStopping
	}
	if w.control.isQuiet() {
		return WorkerQuiet
	}
	return WorkerWorking
}

func (o *control) isQuiet() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.quiet
}

// obey heeds an order as a beat brings it, and as tell.lua wrote it: what, when, and by whom.
func (w *Worker) applyCommand(text string) {
	words := append(strings.SplitN(text, " ", 3), "", "", "")
	at, _ := strconv.ParseInt(words[1], 10, 64)
	if news := w.control.apply(WorkerCommand(words[0]), at); news != "" {
		w.observe(Event{Type: news, Worker: w.cfg.Name, By: words[2]})
	}
}

// hear changes what the worker has been told, and returns the event that tells of it; none if there is no news.
func (o *control) apply(order WorkerCommand, at int64) EventType {
	o.mu.Lock()
	defer o.mu.Unlock()
	if at <= o.lastCommand {
		return ""
	}
	o.lastCommand = at
	was := o.quiet
	switch order {
	case CommandStop:
		select {
		case <-o.stop:
			return ""
		default:
			close(o.stop)
			return EventWorkerStopping
		}
	case CommandQuiet:
		if o.quiet = true; !was {
			return EventWorkerQuiet
		}
	case CommandWake:
		if o.quiet = false; was {
			return EventWorkerAwake
		}
	}
	return ""
}

// stopWhenTold stops the worker in good order when a person says so.
func (w *Worker) stopOnCommand() {
	select {
	case <-w.control.stop:
	case <-w.stopped:
		return
	}
	grace, cancel := context.WithTimeout(context.Background(), w.cfg.Grace)
	defer cancel()
	_ = w.Stop(grace) // who waits for the worker is told what comes of it
}
