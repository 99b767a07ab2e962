package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
)

// hangs is a hook that holds every command until its context ends, and says when the first one came.
func hangs() (hook *spy, began chan struct{}) {
	began = make(chan struct{}, 1000)
	return &spy{each: func(ctx context.Context, _ redis.Cmder) error {
		began <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}}, began
}

// hangingWorker is one whose Redis does not answer.
func (f *fleet) hangingWorker() (w *queue.Worker, began chan struct{}) {
	f.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: f.server.Addr})
	f.Cleanup(func() { _ = rdb.Close() })
	hook, began := hangs()
	rdb.AddHook(hook)
	w, err := queue.NewWorker(rdb, muxOf("k", noop), queue.WorkerConfig{
		Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}},
	})
	f.must(err)
	return w, began
}

func TestRunningTwiceLeavesTheFirstAlone(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := f.worker(muxOf("k", noop))
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- w.Run(ctx) }()
	f.await(queue.EventWorkerJoined, 1)
	for range 2 {
		if err := w.Run(t.Context()); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("a second run: %v", err)
		}
	}
	f.enqueue("k", `{}`)
	f.await(queue.EventDone, 1)
	cancel()
	f.must(receive(t, ran))
}

func TestStopWhileTheWorkerStarts(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w, began := f.hangingWorker()
	started := make(chan error, 1)
	go func() { started <- w.Start(t.Context()) }()
	receive(t, began)
	if err := w.Start(t.Context()); !errors.Is(err, queue.ErrInvalid) {
		t.Errorf("a second start: %v", err)
	}
	f.must(w.Stop(t.Context()))
	receive(t, w.Stopped())
	if err := receive(t, started); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("it started: %v", err)
	}
}

func TestAContextThatEndsWhileTheWorkerStarts(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w, began := f.hangingWorker()
	gone := errors.New("the caller has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- w.Run(ctx) }()
	receive(t, began)
	cancel(gone)
	if err := receive(t, ran); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	receive(t, w.Stopped())
}

func TestAWorkerWithoutGrace(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	running, cause := make(chan struct{}), make(chan error, 1)
	w, err := queue.NewWorker(f.rdb, muxOf("k", func(ctx context.Context, _ *queue.Run) error {
		close(running)
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return ctx.Err()
	}), queue.WorkerConfig{
		Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Grace: -1,
	})
	f.must(err)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- w.Run(ctx) }()
	f.enqueue("k", `{}`)
	receive(t, running)
	began := time.Now()
	cancel()
	if err := receive(t, cause); !errors.Is(err, queue.ErrStopping) {
		t.Errorf("its context ended with %v", err)
	}
	f.must(receive(t, ran))
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
}
