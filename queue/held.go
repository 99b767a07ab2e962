package queue

import (
	"slices"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// holds is what a heartbeat reports about jobs that have not started: they are in flight for Redis, and wait all the
// same.
func (ses *session) holds() (h wire.Holds) {
	var oldest redisx.StreamID
	unstarted := ses.w.dispatcher.unstarted(ses.buffer)
	for _, t := range unstarted {
		if id, ok := redisx.ParseStreamID(t.entry.ID); ok && (h.Held == 0 || id.Compare(oldest) < 0) {
			oldest, h.Oldest = id, t.entry
		}
		h.Held++
	}
	if h.Held == 0 {
		return h
	}
	ses.eachRunning(func(t *task) {
		for _, member := range ses.w.dispatcher.tasksIn(t) {
			if member.began.Load() > 0 && len(h.Runs) < wire.MostRuns {
				h.Runs = append(h.Runs, member.entry)
			}
		}
	})
	return h
}

// unstarted lists a queue's jobs that have not started, those of batches that gather included.
func (d *dispatcher) unstarted(b *buffer) []*task {
	d.mu.Lock()
	defer d.mu.Unlock()
	tasks := slices.Clone(b.tasks[b.first:])
	for _, g := range b.gathering {
		tasks = append(tasks, g.tasks...)
	}
	return tasks
}
