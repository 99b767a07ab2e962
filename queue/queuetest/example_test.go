package queuetest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/queuetest"
)

func ExampleRun() {
	mux := queue.NewMux()
	queue.Handle(mux, func(_ context.Context, job *queue.Job[Charge]) error {
		if job.LastError == "" {
			return queue.RetryIn(time.Minute, errors.New("the bank asks for patience"))
		}
		return job.SetResult(map[string]int{"charged": job.Args.Cents})
	})
	ctx := context.Background() // a test has t.Context()

	first, err := queuetest.Run(ctx, mux, Charge{Order: "o-1", Cents: 499})
	fmt.Println(first.Outcome.Kind, first.Outcome.Delay, err)
	second, err := queuetest.Run(ctx, mux, Charge{Order: "o-1", Cents: 499}, func(run *queue.Run) {
		run.Attempt, run.LastError = 2, "the bank asks for patience"
	})
	fmt.Println(second.Outcome.Kind, string(second.Run.Result()), err)
	// Output:
	// retry in 1m0s <nil>
	// done {"charged":499} <nil>
}

func ExampleRunBatch() {
	mux := queue.NewMux()
	queue.HandleBatch(mux, func(_ context.Context, jobs []*queue.Job[Receipt]) error {
		outcomes := make([]error, len(jobs))
		for i, job := range jobs {
			if job.Args.Order == "" {
				outcomes[i] = queue.Cancel(errors.New("no order"))
			}
		}
		return queue.Outcomes(outcomes)
	})

	ran, err := queuetest.RunBatch(context.Background(), mux, []Receipt{{"o-1"}, {""}})
	fmt.Println(err)
	for _, one := range ran {
		fmt.Println(one.Outcome.Kind)
	}
	// Output:
	// <nil>
	// done
	// cancelled
}

// placeOrder is code under test: it takes a queue.Enqueuer, which in the program is a *queue.Client.
func placeOrder(ctx context.Context, jobs queue.Enqueuer, order string) error {
	_, err := jobs.Enqueue(ctx, Charge{order, 499}, queue.On("payments"), queue.ID("charge-"+order), queue.In(time.Minute))
	return err
}

func ExampleEnqueuer() {
	clock := queuetest.NewClock(time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC))
	jobs := &queuetest.Enqueuer{Config: queue.ClientConfig{Now: clock.Now}}
	_ = placeOrder(context.Background(), jobs, "o-1")
	_ = placeOrder(context.Background(), jobs, "o-1") // the same ID: a duplicate
	for _, job := range jobs.Jobs() {
		fmt.Println(job.Kind, string(job.Data), job.Queue, job.ID, job.Due.Format(time.Kitchen))
	}

	jobs.Fail = func(queuetest.Job) error { return queue.ErrFull }
	fmt.Println(errors.Is(placeOrder(context.Background(), jobs, "o-2"), queue.ErrFull))
	// Output:
	// payment.charge {"order":"o-1","cents":499} payments charge-o-1 12:01PM
	// true
}

func ExampleOnly() {
	var t *testing.T // of the test

	jobs := &queuetest.Enqueuer{}
	if err := placeOrder(t.Context(), jobs, "o-1"); err != nil {
		t.Fatal(err)
	}
	if job := queuetest.Only[Charge](t, jobs); job.Args.Cents != 499 || job.Queue != "payments" {
		t.Errorf("enqueued %+v", job)
	}
}

func ExampleDrain() {
	var t *testing.T // of the test
	mux := queue.NewMux()
	queue.Handle(mux, func(context.Context, *queue.Job[Charge]) error { return nil })

	rdb, clock := queuetest.Server(t), queuetest.NewClock(time.Now())
	client, err := queue.NewClient(rdb, queue.ClientConfig{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	job, err := client.Enqueue(t.Context(), Charge{"o-1", 499}, queue.In(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	events := queuetest.Drain(t, rdb, mux, queue.WorkerConfig{
		Queues: map[string]queue.QueueConfig{queue.DefaultQueue: {}}, Now: clock.Now,
	})
	if done := events.Job(job.ID).Of(queue.EventDone); len(done) != 1 {
		t.Errorf("the job's events were %v", events.Job(job.ID).Types())
	}
}

func ExampleClock() {
	clock := queuetest.NewClock(time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC))
	clock.Advance(36 * time.Hour)
	fmt.Println(clock.Now())
	// Output: 2030-01-04 00:00:00 +0000 UTC
}
