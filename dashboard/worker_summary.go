package dashboard

import (
	"context"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

// workerSummary is the workers of all queues together: how many processes, and how many jobs are stuck with them, as
// is:stuck finds them on the page Pending.
type workerSummary struct {
	processes, registered int
	stuck                 int64
	stuckIn               string // the queue with most of them
}

// FreshFor is ten milliseconds for each registration that was read.
func (c workerSummary) FreshFor() time.Duration {
	return 10 * time.Millisecond * time.Duration(c.registered)
}

// workerSummary returns the workers as they were seen last.
func (d *Dashboard) workerSummary(ctx context.Context, in *turn) (workerSummary, error) {
	read := func(ctx context.Context) (any, error) { return d.readWorkerSummary(ctx) }
	seen := d.cache.getIn(ctx, in, "worker summary", d.cfg.Now, read)
	summary, _ := seen.data.(workerSummary)
	return summary, seen.err
}

func (d *Dashboard) readWorkerSummary(ctx context.Context) (workerSummary, error) {
	all := d.fleet(ctx)
	if all.err != nil {
		return workerSummary{}, all.err
	}
	var c workerSummary
	most := int64(0)
	processes := map[processKey]bool{}
	for _, info := range all.data.(fleet).Queues {
		if info.Workers == 0 {
			continue
		}
		workers, err := d.inspector.Workers(ctx, info.Name)
		if err != nil {
			return workerSummary{}, err
		}
		stuck := int64(0)
		for _, w := range workers {
			stuck += stuckWith(w)
			processes[keyOf(w)] = true
		}
		c.registered += len(workers)
		c.stuck += stuck
		if stuck > most {
			most, c.stuckIn = stuck, info.Name
		}
	}
	c.processes = len(processes)
	return c, nil
}

// stuckWith is how many of a worker's jobs are stuck: all, if it is late or gone, or those whose handlers ignore that
// they were cancelled.
func stuckWith(w inspect.WorkerInfo) int64 {
	if w.Heartbeat != inspect.HeartbeatAlive {
		return w.InFlight
	}
	return int64(w.Stuck)
}
