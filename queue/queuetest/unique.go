package queuetest

import (
	"bytes"
	"slices"

	"github.com/navvy-go/navvy/queue"
)

// change does with the job that holds a unique key what a later call asks for, as a client's script does.
func (e *Enqueuer) change(g guard, asked *Job, enqueued *queue.Enqueued) {
	holder := e.guards[g]
	at := slices.IndexFunc(e.jobs, func(job Job) bool { return job.Queue == asked.Queue && job.ID == holder.id })
	if at < 0 {
		return
	}
	job := &e.jobs[at]
	if asked.Unique.Replace && job.Kind == asked.Kind {
		job.Data, enqueued.Changed, enqueued.Due = bytes.Clone(asked.Data), true, job.Due
	}
	if asked.Unique.Debounce <= 0 || job.Unique.Debounce <= 0 || job.Due == nil || asked.Due == nil {
		return
	}
	due := *asked.Due
	if latest := job.EnqueuedAt.Add(job.Unique.Debounce); due.After(latest) {
		due = latest
	}
	if due.After(*job.Due) {
		if asked.UniqueFor > 0 && due.Add(asked.UniqueFor).After(holder.until) && !holder.until.IsZero() {
			holder.until = due.Add(asked.UniqueFor)
			e.guards[g] = holder
		}
		job.Due, enqueued.Changed, enqueued.Due = &due, true, &due
	}
}
