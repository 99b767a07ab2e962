package queue

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// handBack hands back what has not started.
func (ses *session) handBack() {
	ses.release(ses.w.dispatcher.take(ses.buffer, func(*task) bool { return true }))
	ses.release(ses.w.dispatcher.takeSuspects(ses.buffer))
	ses.release(ses.w.dispatcher.disband(ses.buffer))
}

// release hands jobs back that have not started.
func (ses *session) release(tasks []*task) {
	for _, t := range tasks {
		ses.untrack(t)
	}
	ses.parkOwn(tasks, wire.ParkReleased)
}

// parkOwn parks jobs of this session. Those that another worker has taken meanwhile stay where they are.
func (ses *session) parkOwn(tasks []*task, parking string) {
	if len(tasks) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), stopPatience)
	defer cancel()
	for chunk := range slices.Chunk(tasks, wire.MovesAtOnce) {
		entries := make([]wire.EntryRef, len(chunk))
		for i, t := range chunk {
			entries[i] = t.entry
		}
		err := wire.Handback(ctx, ses.w.rdb, &ses.queue, ses.consumer, parking, entries)
		if redis.HasErrorPrefix(err, "NOGROUP") {
			return // Redis lost its data, and the jobs with it
		}
		if err != nil { // they stay pending here: they are adopted, handed back by leave, or reclaimed
			ses.reportError("hand back", err)
			ses.replyLost.Store(true)
			return
		}
		for _, t := range chunk {
			ses.observe(t.event(EventReleased))
		}
	}
}
