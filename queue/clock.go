package queue

import "time"

var epoch = time.Now()

// monotonic is the time since the process began, in ns, whatever happens to the wall clock.
func monotonic() int64 { return int64(time.Since(epoch)) }

// clockGuard notices when Redis' clock jumps against this process' monotonic clock. A jump forward makes every lease
// look over, though each worker is alive and renews its own within a beat; so for the length of a lease nobody is
// taken for dead. After a jump backward leases end later than they should, by as much as the jump.
type clockGuard struct {
	redis, local int64 // ms of Redis' clock and ns of the monotonic clock at the last beat
	quietTo      int64 // on the monotonic clock: until then no worker is taken for dead
}

// clockTolerance is what a slow reply may make of two clocks that run alike.
const clockTolerance = time.Second

// see compares the clocks once more. It tells how far Redis' clock has jumped, if it has. The first look has nothing
// to compare with: it waits a moment, in which every worker that lives has renewed its lease.
func (g *clockGuard) see(redisMS, local int64, lease time.Duration) (jump time.Duration) {
	first, gap := g.local == 0, time.Duration(local-g.local)
	jump = time.Duration(redisMS-g.redis)*time.Millisecond - gap
	g.redis, g.local = redisMS, local
	switch {
	case first:
		g.quietTo = local + int64(lease/4)
		return 0
	case jump.Abs() > min(clockTolerance, lease/2):
		g.quietTo = local + int64(lease)
		return jump
	case gap > lease/2: // Redis was away, for the others as well: they have had no chance to renew their leases
		g.quietTo = local + int64(lease)
	}
	return 0
}

// trusted tells whether a lease that looks over may be taken for over.
func (g *clockGuard) trusted(local int64) bool { return local >= g.quietTo }
