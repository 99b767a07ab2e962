package queue

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// adopt takes over entries that are pending for this consumer but were never seen here: the reply that brought them was
// lost.
func (ses *session) adopt() error {
	ses.transfer.Lock()
	defer ses.transfer.Unlock()
	held := ses.heldEntries()
	for behind := (wire.EntryRef{}); ; {
		tasks, last, err := ses.adoptPage(behind)
		if redis.HasErrorPrefix(err, "NOGROUP") {
			return nil
		}
		if err != nil {
			return err
		}
		unseen := tasks[:0]
		for _, t := range tasks {
			if !held[t.entry] {
				unseen = append(unseen, t)
			}
		}
		ses.track(unseen)
		if behind = last; last == (wire.EntryRef{}) {
			return nil
		}
	}
}

func (ses *session) adoptPage(behind wire.EntryRef) ([]*task, wire.EntryRef, error) {
	const page = 200
	ctx, cancel := context.WithTimeout(ses.ctx, ses.w.cfg.Lease)
	defer cancel()
	found, last, err := wire.Adopt(ctx, ses.w.rdb, &ses.queue, ses.consumer, behind, page, ses.w.cfg.MaxCrashes,
		ses.w.kindName)
	return ses.newTasks(found), last, err
}

// heldEntries lists what this session holds. It looks in the order in which a job moves, so that none is missed.
func (ses *session) heldEntries() map[wire.EntryRef]bool {
	held := ses.w.dispatcher.entries(ses.buffer)
	for i := range ses.w.running {
		if t := ses.w.running[i].Load(); t != nil && t.ses == ses {
			for _, member := range ses.w.dispatcher.tasksIn(t) {
				held[member.entry] = true
			}
		}
	}
	ses.acker.entries(held)
	return held
}
