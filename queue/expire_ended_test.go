package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
)

func expiring(c *queue.WorkerConfig) { c.Lease = 500 * time.Millisecond }

// Cancelled jobs go after a while, and so do dead ones if a worker is configured to delete them; it says so, and their
// IDs are guarded for their windows from then on.
func TestEndedJobsExpire(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change          func(*queue.WorkerConfig)
		dead, cancelled int64 // that are kept
	}{
		"as it comes":    {func(*queue.WorkerConfig) {}, 5, 5},
		"the cancelled":  {func(c *queue.WorkerConfig) { c.KeepCancelled = time.Millisecond }, 5, 0},
		"the dead":       {func(c *queue.WorkerConfig) { c.KeepDead = time.Millisecond }, 0, 5},
		"all but 2 dead": {func(c *queue.WorkerConfig) { c.MaxDead = 2 }, 2, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			for _, id := range []string{"a", "b", "c", "d", "e"} {
				f.enqueue("k", `{}`, queue.ID("dead-"+id))
				f.enqueue("k", `{}`, queue.ID("cancelled-"+id), queue.In(time.Hour))
				f.must(f.inspect.Cancel(t.Context(), "orders", "cancelled-"+id))
			}
			f.start(muxOf("k", func(context.Context, *queue.Run) error { return queue.Cancel(errors.New("no")) }), expiring,
				c.change)
			f.await(queue.EventDead, 5)
			f.eventually("what is not kept is gone", func() bool {
				info := f.info()
				return info.Dead == c.dead && info.Cancelled == c.cancelled && info.Totals.Discarded == 10-c.dead-c.cancelled
			})
			f.eventually("the events count what is gone", func() bool {
				counted := int64(0)
				for _, e := range f.events.of(queue.EventDiscarded) {
					counted += int64(e.Count)
				}
				return counted == 10-c.dead-c.cancelled
			})
			if again := f.tryEnqueue("dead-a"); !again.Duplicate || again.State != "dead" {
				t.Errorf("an ID whose job has ended: %+v", again)
			}
			if audit := f.verify(); !audit.OK() {
				t.Errorf("got %+v", audit)
			}
		})
	}
}
