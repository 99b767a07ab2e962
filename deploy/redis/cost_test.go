package redis_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// BenchmarkEnqueue measures what settings and waiting cost; Fsynced needs Redis 7.2:
//
//	go test -bench . ./deploy/redis
func BenchmarkEnqueue(b *testing.B) {
	for _, file := range []string{"speed.conf", "both.conf", "no-loss.conf"} {
		b.Run(file, func(b *testing.B) {
			master, _ := replicated(b, file, 1)
			client := open(b, master.Client(b))
			for name, opts := range map[string][]queue.EnqueueOption{
				"plain":         nil,
				"Replicated(1)": {queue.Durable(queue.Replicated(1, 5*time.Second))},
				"Fsynced(0)":    {queue.Durable(queue.Fsynced(0, 5*time.Second))},
				"Fsynced(1)":    {queue.Durable(queue.Fsynced(1, 5*time.Second))},
			} {
				b.Run(name+"/2 callers", func(b *testing.B) { enqueue(b, client, 1, opts) })
				b.Run(name+"/100 callers", func(b *testing.B) { enqueue(b, client, 50, opts) })
			}
		})
	}
}

func enqueue(b *testing.B, client *queue.Client, callers int, opts []queue.EnqueueOption) {
	var short atomic.Int64
	b.SetParallelism(callers) // on each of two processors
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, err := client.Enqueue(b.Context(), mail{"x"}, append(opts[:len(opts):len(opts)], queue.On("mails"))...)
			switch {
			case errors.Is(err, queue.ErrNotDurable):
				short.Add(1)
			case err != nil:
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	if n := short.Load(); n > 0 {
		b.ReportMetric(float64(n), "not-durable")
	}
}
