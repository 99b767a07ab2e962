package queue

import (
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

var epoch = time.Now()

// monotonic is the time since the process began, in ns, whatever happens to the wall clock.
func monotonic() int64 { return int64(time.Since(epoch)) }

// since is how long ago an instant of that clock was.
func since(then int64) time.Duration { return time.Duration(monotonic() - then) }

// clock is the worker's own, for delays: by Redis' clock, unless the application has given another one.
//
// Why: docs/decisions/engine.md#delays-go-by-redis-clock-which-does-not-go-back
func (w *Worker) clock() wire.Clock { return wire.Clock{Own: w.cfg.Now(), Given: w.clockGiven} }

// now is the time by that clock, as far as it is known here.
func (s *subscription) now() time.Time {
	if s.w.clockGiven {
		return s.w.cfg.Now()
	}
	return s.w.cfg.Now().Add(time.Duration(s.redisAhead.Load()) * time.Millisecond)
}

// clockGuard notices when Redis' clock jumps against this process' monotonic clock. A jump forward makes every lease
// look over, though each worker is alive and renews its own within a heartbeat; so for the length of a lease no worker
// is taken for dead. After a jump backward leases end later than they should, by as much as the jump.
type clockGuard struct {
	redis          int64 // ms of Redis' clock at the last heartbeat
	sent, received int64 // ns of the monotonic clock around the last heartbeat
	quietTo        int64 // on the monotonic clock: until then no worker is taken for dead
	moves          int64 // how often another master had been found
}

// moved notes how often another master was found by now. It lacks the renewals that the last one was sent since it took
// over, and not all workers move at the same moment: each has a lease to renew its own.
func (g *clockGuard) moved(moves, now int64, lease time.Duration) {
	if moves != g.moves {
		g.moves, g.quietTo = moves, now+int64(lease)
	}
}

// clockTolerance is by how much two clocks that run alike may differ from one heartbeat to the next.
const clockTolerance = 500 * time.Millisecond

// see compares the clocks once more, with a heartbeat that was sent and whose reply was received at these instants. It
// returns how far Redis' clock has jumped, if it has: further than any delay on the way can explain. The first look has
// nothing to compare with: it waits a moment, in which every worker that lives has renewed its lease.
func (g *clockGuard) see(redisMS, sent, received int64, lease time.Duration) (jump time.Duration) {
	before := *g
	g.redis, g.sent, g.received = redisMS, sent, received
	if before.received == 0 {
		g.quietTo = received + int64(lease/4)
		return 0
	}
	passed := time.Duration(redisMS-before.redis) * time.Millisecond
	least, most := time.Duration(sent-before.received), time.Duration(received-before.sent)
	switch {
	case passed > most+clockTolerance:
		jump = passed - most
	case passed < least-clockTolerance:
		jump = passed - least
	}
	if jump != 0 || most > lease/2 { // or Redis was away: the others have had no chance to renew their leases either
		g.quietTo = received + int64(lease)
	}
	return jump
}

// trusted reports whether a lease that looks over may be taken for over.
func (g *clockGuard) trusted(local int64) bool { return local >= g.quietTo }
