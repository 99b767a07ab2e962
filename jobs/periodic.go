package jobs

import (
	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/session"
	"github.com/navvy-go/navvy/queue"
)

// Periodic lists the cron entries of the house's own jobs that are enqueued on the queues of a worker. Each is named as
// its kind. None of them is needed twice at a time, and of what was missed one is enough.
func Periodic(queues map[string]queue.QueueConfig) []queue.CronEntry {
	entries := []struct {
		queue, spec string
		args        queue.Args
	}{
		{Orders, "@every 5m", payment.Reconcile{}},
		{Events, "10 * * * *", analytics.Rollup{}},
		{Events, "30 3 * * *", analytics.Expire{}},
		{Events, "20 * * * *", session.Sweep{}},
	}
	var found []queue.CronEntry
	for _, e := range entries {
		if q, is := queues[e.queue]; is && q.Raw == nil {
			found = append(found, queue.Cron(e.args.Kind(), e.spec, e.args, queue.On(e.queue),
				queue.Overlap(queue.OverlapSkip)))
		}
	}
	return found
}
