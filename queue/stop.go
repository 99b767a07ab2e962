package queue

import (
	"context"
	"fmt"
	"time"
)

// stopPatience is how long handlers have to return once their contexts are cancelled.
const stopPatience = 2 * time.Second

// Stop stops in good order: no more reads; jobs that have not started are handed back; running handlers get until ctx
// ends, then their contexts are cancelled with [ErrStopping] and their jobs handed back too. It returns when
// everything has ended, or shortly after ctx did: then with the number of handlers that ignore their context.
func (w *Worker) Stop(ctx context.Context) error {
	if w.dispatcher == nil {
		return fmt.Errorf("queue: worker: %w", errNoWorker)
	}
	w.beginStop()
	select {
	case <-w.stopped:
		return nil
	case <-ctx.Done():
	}
	w.abort(ErrStopping)
	select {
	case <-w.stopped:
		return nil
	case <-time.After(stopPatience):
		return fmt.Errorf("queue: worker: %d handlers ignore their cancelled context", w.dispatcher.running())
	}
}

// beginStop makes everything stop. A worker that starts at this moment, or has not started, never does.
func (w *Worker) beginStop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.starting != nil {
		w.starting(ErrClosed)
	}
	if !w.isStopping() {
		close(w.stopping)
	}
	if !w.started {
		w.started = true
		w.disconnect()
		close(w.stopped)
	}
}

// Stopped is closed when the worker has ended: by [Worker.Stop] or by a person's command.
func (w *Worker) Stopped() <-chan struct{} { return w.stopped }

func (w *Worker) isStopping() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}

func (w *Worker) disconnect() {
	for _, s := range w.subscriptions {
		for _, in := range append([]*subscription{s}, s.lanes...) {
			if in.reader != nil {
				_ = in.reader.Close()
			}
		}
	}
	w.readers.trim(true)
	_ = w.rdb.Close()
}

// stopOnCommand stops the worker in good order when a person commands it, see inspect.CommandStop.
func (w *Worker) stopOnCommand() {
	select {
	case <-w.control.stop:
	case <-w.stopped:
		return
	}
	grace, cancel := w.grace(context.Background())
	defer cancel()
	_ = w.Stop(grace) // a caller that waits for the worker gets its error
}

// awaitHandlers waits for the running handlers of this session and their outcomes: as long as the worker's grace
// lasts, and then a little longer for those that return when their contexts are cancelled.
func (ses *session) awaitHandlers() {
	done := make(chan struct{})
	go func() {
		ses.tasks.Wait()
		close(done)
	}()
	select {
	case <-done:
		return
	case <-ses.ctx.Done():
	}
	select {
	case <-done:
	case <-time.After(stopPatience / 2):
	}
}

// interruptRead ends the read that waits for jobs.
//
// Why: docs/decisions/engine.md#a-stopping-worker-ends-its-waiting-read-with-client-unblock
func (ses *session) interruptRead() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), stopPatience)
	defer cancel()
	ses.interrupt(ctx)
}

// interruptLateRead ends a read that was on its way when interruptRead came before it: its jobs would only be handed
// back.
func (ses *session) interruptLateRead(readersEnded <-chan struct{}) {
	again := time.NewTicker(readBlock / 20)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			ses.interruptRead()
		case <-readersEnded:
			return
		}
	}
}
