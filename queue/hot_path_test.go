package queue_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

// The benchmarks of what every job goes through. tools/check-perf runs this file on an older commit too, so it uses
// nothing but the public API.

type hotJob struct {
	Pad string `json:"pad"`
}

// Kind names the handler.
func (hotJob) Kind() string { return "hot" }

const hotQueue = "hot"

var hotArgs = hotJob{strings.Repeat("x", 90)}

func hotClient(b *testing.B) (*queue.Client, *redis.Client) {
	b.Helper()
	rdb := redistest.New(b).Client(b)
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Close() })
	return client, rdb
}

// fillHot enqueues jobs with calls for many.
func fillHot(b *testing.B, client *queue.Client, jobs int) {
	b.Helper()
	const batch = 500
	item := queue.Item{Args: hotArgs, Options: []queue.EnqueueOption{queue.On(hotQueue)}}
	for jobs > 0 {
		items := make([]queue.Item, min(jobs, batch))
		for i := range items {
			items[i] = item
		}
		if _, err := client.EnqueueMany(b.Context(), items); err != nil {
			b.Fatal(err)
		}
		jobs -= len(items)
	}
}

// BenchmarkEnqueue has 128 callers on each processor.
func BenchmarkEnqueue(b *testing.B) {
	client, _ := hotClient(b)
	fillHot(b, client, 1)
	b.SetParallelism(128)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := client.Enqueue(b.Context(), hotArgs, queue.On(hotQueue)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
}

func BenchmarkEnqueueMany(b *testing.B) {
	client, _ := hotClient(b)
	fillHot(b, client, 1)
	b.ReportAllocs()
	b.ResetTimer()
	fillHot(b, client, b.N)
	b.StopTimer()
}

// BenchmarkDrain has a worker run what waits.
func BenchmarkDrain(b *testing.B) {
	client, rdb := hotClient(b)
	fillHot(b, client, b.N)
	var left atomic.Int64
	left.Store(int64(b.N))
	all := make(chan struct{})
	mux := queue.NewMux()
	queue.Handle(mux, func(context.Context, *queue.Job[hotJob]) error {
		if left.Add(-1) == 0 {
			close(all)
		}
		return nil
	})
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Queues: map[string]queue.QueueConfig{hotQueue: {}}, Concurrency: 100,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := worker.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	<-all
	b.StopTimer()
	if err := worker.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
}
