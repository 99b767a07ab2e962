package queue

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// takeOut finds the queues for which a shared read has failed, and lets them go on with the error: the others read on
// without them at once. Redis does not say which it was. It returns how many there are.
func (r *sharedRead) takeOut(members []*sharer) (faulty int) {
	w := r.all.w
	ctx, cancel := context.WithTimeout(context.Background(), w.cfg.Lease/4)
	defer cancel()
	pipe := w.rdb.Pipeline()
	found := make([]*redis.XPendingCmd, len(members))
	for i, m := range members {
		found[i] = pipe.XPending(ctx, m.ses.queue.Stream, m.ses.queue.Group)
	}
	_, _ = pipe.Exec(ctx) // each has its own error
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	r.blocked = false
	for i, m := range members {
		m.included = false
		if err := found[i].Err(); err != nil {
			m.err, m.leaving, m.faulty = err, true, true
			faulty++
		}
	}
	r.dismiss(func(m *sharer) bool { return m.leaving })
	return faulty
}
