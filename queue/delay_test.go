package queue_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// Ten thousand jobs due over five seconds: none starts early, and the log says how late they are. How late is a
// promise (100 ms at the 99th percentile) that a machine busy with other tests may miss: the bound here is how long the
// same machine takes for as many jobs that are due at once.
func TestDelayedJobsAreNeverEarlyAndHardlyLate(t *testing.T) {
	t.Parallel()
	const jobs, span = 10_000, 5 * time.Second
	f := newFleet(t)
	f.start(muxOf("k", noop))
	atOnce := time.Now()
	due := queue.Item{Args: queue.JSON("k", []byte(`{}`)), Options: []queue.EnqueueOption{queue.On("orders")}}
	_, err := f.client.EnqueueMany(t.Context(), slices.Repeat([]queue.Item{due}, jobs))
	f.must(err)
	f.await(queue.EventDone, jobs)
	bound := time.Since(atOnce) + time.Second

	f = newFleet(t)
	start := time.Now().Add(time.Second)
	items := make([]queue.Item, jobs)
	for i := range items {
		due := start.Add(time.Duration(rand.Int64N(int64(span))))
		items[i] = queue.Item{Args: queue.JSON("k", []byte(`{}`)),
			Options: []queue.EnqueueOption{queue.On("orders"), queue.At(due)}}
	}
	dues := make(map[string]time.Time, jobs)
	enqueued, err := f.client.EnqueueMany(t.Context(), items)
	f.must(err)
	for _, job := range enqueued {
		if job.Due != nil { // on a busy machine some are due before they are sent
			dues[job.ID] = *job.Due
		}
	}
	f.start(muxOf("k", noop))
	started := time.Now()
	late := make([]time.Duration, 0, jobs)
	for _, e := range f.await(queue.EventStarted, jobs) {
		due, delayed := dues[e.Job]
		switch {
		case !delayed:
		case e.Time.Before(due):
			t.Errorf("a job started %s before it was due", due.Sub(e.Time))
		case due.Before(started): // late because it took so long to enqueue them all
			late = append(late, e.Time.Sub(started))
		default:
			late = append(late, e.Time.Sub(due))
		}
	}
	slices.Sort(late)
	if len(late) < jobs/2 {
		t.Fatalf("only %d of %d jobs were delayed", len(late), jobs)
	}
	median, p99 := late[len(late)/2], late[len(late)*99/100]
	t.Logf("late by %s at the median, %s at 99 %%, %s at the most", median, p99, late[len(late)-1])
	if p99 > bound {
		t.Errorf("99 %% of the jobs were late by up to %s; as many at once take %s", p99, bound)
	}
}
