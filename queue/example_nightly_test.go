package queue_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/cron"
	"github.com/navvy-go/navvy/queue/inspect"
)

// Statements closes the books of the day before.
type Statements struct{ Currency string }

func (Statements) Kind() string { return "statements" }

// Cleanup deletes what is older than so many days.
type Cleanup struct{ Days int }

func (Cleanup) Kind() string { return "cleanup" }

func nightWorker(rdb redis.UniversalClient, mux *queue.Mux) (*queue.Worker, error) {
	return queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Queues: map[string]queue.QueueConfig{"nightly": {}},
		Cron: queue.CronConfig{Parse: cron.Parse, Entries: []queue.CronEntry{
			// Of the nights that nobody was there, the last three are made up for.
			queue.Cron("statements", "CRON_TZ=Europe/Zurich 30 3 * * *", Statements{"CHF"}, queue.On("nightly"),
				queue.CatchUp(3), queue.Timeout(2*time.Hour), queue.MaxAttempts(5)),
			// What was missed is left out, and so is a tick while the job of the one before has not ended.
			queue.Cron("cleanup", "0 4 * * *", Cleanup{Days: 90}, queue.On("nightly"),
				queue.CatchUp(0), queue.Overlap(queue.OverlapSkip), queue.Jitter(10*time.Minute)),
		}},
	})
}

// A night's jobs, and how one of them is tried by day: it is run now, beside its ticks.
func Example_nightlyJobs() {
	rdb, stop := exampleRedis()
	defer stop()
	ctx, ran := context.Background(), make(chan struct{})

	mux := queue.NewMux()
	queue.Handle(mux, func(_ context.Context, job *queue.Job[Statements]) error {
		fmt.Println("statements in", job.Args.Currency)
		close(ran)
		return nil
	})
	queue.Handle(mux, func(context.Context, *queue.Job[Cleanup]) error { return nil })
	worker, err := nightWorker(rdb, mux)
	check(err)
	check(worker.Start(ctx))

	look, err := inspect.New(rdb, inspect.Config{})
	check(err)
	for { // until the worker has declared it
		_, err := look.RunCron(ctx, "nightly", "statements")
		if !errors.Is(err, inspect.ErrNoCron) && !errors.Is(err, inspect.ErrNoQueue) {
			check(err)
			break
		}
	}
	<-ran
	check(worker.Stop(ctx))
	// Output: statements in CHF
}
