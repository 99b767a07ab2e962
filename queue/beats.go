package queue

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	beatsAtOnce = 350 // brief heartbeats of one command, or fewer that count: it takes Redis one or two milliseconds
	// connectionSpare is how long a connection is kept that is not used, but for the ping of a subscription.
	connectionSpare = ringPing * 3 / 2

	roleEvery = 1500 * time.Millisecond
)

// beats sends the heartbeats of all queues of a worker together, so that an idle worker costs a few commands however
// many queues it has.
//
// Why: docs/decisions/engine.md#the-heartbeats-of-all-queues-of-a-worker-are-one-command
type beats struct {
	mu    sync.Mutex
	due   map[*session]int64 // when its next heartbeat is due, on the monotonic clock
	next  int64              // when the next is that all send together
	added chan struct{}      // holds a signal that there is another session
}

func newBeats() *beats { return &beats{due: map[*session]int64{}, added: make(chan struct{}, 1)} }

// add begins the heartbeats of a session, with one at once.
func (p *beats) add(ses *session) {
	p.mu.Lock()
	p.due[ses] = monotonic()
	p.mu.Unlock()
	select {
	case p.added <- struct{}{}:
	default:
	}
}

func (p *beats) remove(ses *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.due, ses)
}

// take returns the sessions whose heartbeats are due: those that have just been added, or all. With none, it returns in
// how long some are.
func (p *beats) take(every time.Duration) (sessions []*session, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := monotonic()
	if p.next <= now {
		p.next = now + int64(every)
	}
	for ses, at := range p.due {
		if at <= now {
			p.due[ses] = p.next
			sessions = append(sessions, ses)
		}
	}
	return sessions, time.Duration(p.next - now)
}

// sharesCommands reports whether queues can share commands: on a cluster each is in a slot of its own.
func (w *Worker) sharesCommands() bool {
	_, ok := w.rdb.(*redis.Client)
	return ok
}

// sendBeats is the loop that sends the heartbeats, until the worker has ended.
func (w *Worker) sendBeats(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		sessions, wait := w.beats.take(w.heartbeatInterval())
		if len(sessions) > 0 {
			w.beatTogether(ctx, sessions)
			w.checkRole(ctx)
			w.readers.trim(false)
			w.follower.Trim(connectionSpare)
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-w.beats.added:
		case <-ctx.Done():
		}
	}
}

// beatTogether sends heartbeats and hands each session what came back. One that is still busy with the one before goes
// without: what it missed comes again.
func (w *Worker) beatTogether(ctx context.Context, sessions []*session) {
	left := w.heartbeatTimeout()
	sending := make([]*beat, 0, len(sessions))
	alive := sessions[:0]
	for _, ses := range sessions {
		valid := time.Duration(ses.validTo.Load() - monotonic())
		if valid <= 0 {
			ses.handBeat(&beat{err: wire.ErrLost})
			continue
		}
		left = min(left, valid)
		sending, alive = append(sending, ses.newBeat()), append(alive, ses)
	}
	ctx, cancel := context.WithTimeout(ctx, max(left, w.cfg.Lease/8))
	defer cancel()
	for len(sending) > 0 {
		n := atOnce(sending)
		together := make([]wire.QueueBeat, n)
		for i := range together {
			together[i] = wire.QueueBeat{Queue: &alive[i].queue, Heartbeat: sending[i].heartbeat}
		}
		wire.BeatAll(ctx, w.rdb, together)
		for i := range together {
			alive[i].endBeat(sending[i], together[i].Reply, together[i].Err)
			alive[i].handBeat(sending[i])
		}
		sending, alive = sending[n:], alive[n:]
	}
}

// atOnce returns how many of the heartbeats, from the first on, one command takes.
func atOnce(sending []*beat) (n int) {
	for work := 0; n < len(sending) && (n == 0 || work <= beatsAtOnce); n++ {
		if work++; !sending[n].heartbeat.Brief {
			work += 2 + len(sending[n].heartbeat.Total)/8
		}
	}
	return n
}

func (ses *session) handBeat(b *beat) {
	select {
	case ses.beaten <- b:
	default:
	}
}

// checkRole finds out, now and then, whether the server is still the master.
func (w *Worker) checkRole(ctx context.Context) {
	if now := monotonic(); now >= w.roleDue {
		w.roleDue = now + int64(roleEvery)
		ctx, cancel := context.WithTimeout(ctx, w.cfg.Lease/8)
		defer cancel()
		w.follower.CheckRole(ctx)
	}
}
