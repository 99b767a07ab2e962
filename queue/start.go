package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// errStartedTwice is the mistake of a second start.
var errStartedTwice = errors.New("started twice, or stopped before")

// Start joins the queues and begins to work. It fails when Redis cannot be reached or refuses, when ctx ends before it
// works, and with [ErrClosed] when it is stopped meanwhile; once it has returned nil, the worker outlives any failure
// of Redis, and the end of ctx. A worker starts once.
func (w *Worker) Start(ctx context.Context) error {
	look, end := context.WithCancelCause(ctx)
	defer end(nil)
	if err := w.beginStart(end); err != nil {
		return fmt.Errorf("queue: worker: %w", err)
	}
	err := w.check(look)
	if err == nil {
		for _, warning := range w.warnings(look) {
			w.observe(Event{Type: EventWarning, Err: warning})
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.starting = nil
	switch {
	case w.isStopping():
		return fmt.Errorf("queue: worker: stopped while it started: %w", ErrClosed)
	case ctx.Err() != nil:
		return fmt.Errorf("queue: worker: not started in time: %w", context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("queue: worker: %w", err)
	}
	w.started = true
	w.launch(context.WithoutCancel(ctx))
	return nil
}

// beginStart makes sure that a worker starts once. Until it has started, Stop ends what it waits for.
func (w *Worker) beginStart(end context.CancelCauseFunc) error {
	if w.dispatcher == nil {
		return errNoWorker
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.started || w.starting != nil {
		return invalid(errStartedTwice)
	}
	w.starting = end
	return nil
}

// errNoWorker is the mistake of a Worker that is not one of NewWorker.
var errNoWorker = invalidf("not made by NewWorker")

// launch begins what runs until the worker has stopped.
func (w *Worker) launch(ctx context.Context) {
	base, abort := context.WithCancelCause(ctx)
	w.abort = abort
	for slot := range w.running {
		w.tasks.Go(func() { w.runSlot(&w.running[slot]) })
	}
	var subscriptions sync.WaitGroup
	subscriptions.Go(func() {
		joined := w.joinAll(base)
		for _, s := range w.subscriptions {
			subscriptions.Go(func() { s.work(base, joined[s]) })
		}
	})
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	w.tasks.Go(func() { w.sendBeats(serving) })
	w.tasks.Go(func() { w.receiveRings(serving) })
	w.tasks.Go(func() {
		subscriptions.Wait()
		end()
		w.dispatcher.close()
	})
	go func() {
		w.tasks.Wait()
		w.disconnect()
		abort(nil)
		close(w.stopped)
	}()
	go w.stopOnCommand()
}

// Run starts the worker, works until ctx ends or a person commands it to stop, and stops it with the grace period of
// the configuration.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.Start(ctx); err != nil {
		if !errors.Is(err, ErrInvalid) { // it is not another one's that runs
			_ = w.Stop(ctx)
		}
		return err
	}
	select {
	case <-ctx.Done():
	case <-w.stopping:
	}
	grace, cancel := w.grace(context.WithoutCancel(ctx))
	defer cancel()
	return w.Stop(grace)
}

// grace ends when the handlers of a worker that stops have had their time.
func (w *Worker) grace(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, max(w.cfg.Grace, 0))
}
