package queue

import (
	"fmt"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Jobs of a pipeline share calls with those that use the same keys of the same queue, within bounds; a plain one stays
// a command of its own, in its place.
func TestJobsOfAPipelineShareCalls(t *testing.T) {
	t.Parallel()
	queues := []*clientQueue{
		{QueueRef: wire.NewQueueRef("ns", "a", wire.Binding{})}, {QueueRef: wire.NewQueueRef("ns", "b", wire.Binding{})},
	}
	due := time.UnixMilli(1)
	guarded := func(q, size int) *enqueueOp {
		return &enqueueOp{call: &wire.Enqueue{ID: "i", Call: "c"}, queue: queues[q], size: size}
	}
	delayed := func(q int) *enqueueOp {
		return &enqueueOp{call: &wire.Enqueue{ID: "i", Due: &due}, queue: queues[q]}
	}
	plain := func() *enqueueOp { return &enqueueOp{args: []any{"XADD"}} }
	many := make([]*enqueueOp, 250)
	for i := range many {
		many[i] = guarded(0, 1)
	}
	for name, c := range map[string]struct {
		batch []*enqueueOp
		want  string
	}{
		"plain ones":       {[]*enqueueOp{plain(), plain()}, "[xadd xadd] []"},
		"of a kind":        {[]*enqueueOp{guarded(0, 1), plain(), guarded(0, 1), guarded(0, 1)}, "[evalsha xadd] [3]"},
		"of several kinds": {[]*enqueueOp{guarded(0, 1), delayed(0), guarded(0, 1)}, "[evalsha evalsha] [2 1]"},
		"of two queues":    {[]*enqueueOp{guarded(0, 1), guarded(1, 1), delayed(1)}, "[evalsha evalsha evalsha] [1 1 1]"},
		"very many":        {many, "[evalsha evalsha evalsha] [100 100 50]"},
		"large ones": {[]*enqueueOp{guarded(0, 200<<10), guarded(0, 50<<10), guarded(0, 7<<10), guarded(0, 900<<10)},
			"[evalsha evalsha evalsha] [2 1 1]"},
	} {
		sent := newSending(c.batch)
		var names []string
		for _, cmd := range sent.cmds {
			names = append(names, cmd.Name())
		}
		jobs := []int{}
		for _, call := range sent.calls {
			jobs = append(jobs, len(call.ops))
		}
		if got := fmt.Sprint(names, jobs); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
