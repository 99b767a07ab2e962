package queue_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/cron"
)

type Report struct{ Days int }

func (Report) Kind() string { return "report" }

// A job for each second, enqueued once however many workers there are. Others could be "@daily", or
// "CRON_TZ=Europe/Zurich 0 8 * * MON-FRI".
func ExampleCron() {
	rdb, stop := exampleRedis()
	defer stop()
	ctx, done := context.WithCancel(context.Background())

	mux := queue.NewMux()
	queue.Handle(mux, func(_ context.Context, job *queue.Job[Report]) error {
		fmt.Println(job.Args.Days, "day,", strings.HasPrefix(job.ID, "cron:short:"))
		done()
		return nil
	})
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Queues:      map[string]queue.QueueConfig{"reports": {}},
		Concurrency: 1,
		Cron: queue.CronConfig{Parse: cron.Parse, Entries: []queue.CronEntry{
			queue.Cron("short", "* * * * * *", Report{Days: 1}, queue.On("reports"), queue.CatchUp(0),
				queue.Overlap(queue.OverlapSkip), queue.MaxAttempts(3)),
		}},
	})
	check(err)
	check(worker.Run(ctx))
	// Output: 1 day, true
}
