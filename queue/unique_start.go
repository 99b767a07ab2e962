package queue

import (
	"context"
	"slices"
	"sync"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// freeUnique sets the unique keys of jobs free that hold them until they start, with those of other slots. Others cost
// nothing. It reports whether the jobs may run: not if the lease was lost.
//
// Why: docs/decisions/engine.md#a-unique-key-that-is-held-until-the-job-ends-is-its-jobs
func (ses *session) freeUnique(tasks ...*task) bool {
	holds := func(t *task) bool { return t.meta.Until == wire.UntilStarted && t.meta.Unique != "" }
	switch {
	case len(tasks) == 1 && holds(tasks[0]):
		return tasks[0].freeUnique()
	case !slices.ContainsFunc(tasks, holds):
		return true
	}
	may := make([]bool, len(tasks))
	var waiting sync.WaitGroup
	for i, t := range tasks {
		if may[i] = true; holds(t) {
			waiting.Go(func() { may[i] = t.freeUnique() })
		}
	}
	waiting.Wait()
	return !slices.Contains(may, false)
}

func (t *task) freeUnique() bool {
	job := wire.UniqueStart{ID: t.run.ID, Unique: t.meta.Unique}
	return t.outcome("free its unique key", func(context.Context, bool) (wire.Verdict, error) {
		return t.ses.movers.uniqueStarts.move(job, len(job.Unique))
	}) == wire.VerdictDone
}

// freeUniques sets the unique keys of many jobs free.
func (ses *session) freeUniques(ctx context.Context, jobs []wire.UniqueStart, _ *wire.Epoch) []wire.Moved {
	return wire.FreeUniques(ctx, ses.w.rdb, &ses.queue, ses.consumer, jobs)
}
