package queue

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// adopt takes in entries that are pending for this consumer but were never seen here.
func (ses *session) adopt() error {
	const page = 200
	ses.transfer.Lock()
	defer ses.transfer.Unlock()
	held := ses.heldEntries()
	for start := "-"; ; {
		ctx, cancel := context.WithTimeout(ses.ctx, ses.w.cfg.Lease)
		reply, err := wire.ScriptAdopt.Run(ctx, ses.w.rdb, []string{ses.keys.Stream, ses.keys.Crashed(), ses.keys.Cancelled()},
			ses.binding.GroupName(), ses.consumer, start, page).Slice()
		cancel()
		if redis.HasErrorPrefix(err, "NOGROUP") {
			return nil
		}
		if err != nil || len(reply) != 2 {
			return err
		}
		found, err := ses.readRows(reply[1])
		if err != nil {
			return err
		}
		var tasks []*task
		for _, t := range found {
			if !held[t.entryID] {
				tasks = append(tasks, t)
			}
		}
		ses.track(tasks)
		last, _ := reply[0].(string)
		if last == "" {
			return nil
		}
		start = wire.EntryAfter(last)
	}
}

// heldEntries lists what this session has in its hands. It looks in the order in which a job moves, so that none
// slips by.
func (ses *session) heldEntries() map[string]bool {
	held := ses.w.dispatcher.entries(ses.buffer)
	for i := range ses.w.running {
		if t := ses.w.running[i].Load(); t != nil && t.ses == ses {
			for _, rider := range ses.w.dispatcher.tasksIn(t) {
				held[rider.entryID] = true
			}
		}
	}
	ses.acker.entries(held)
	return held
}
