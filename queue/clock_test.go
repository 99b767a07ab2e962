package queue

import (
	"testing"
	"time"
)

// Field bug 15: a stopped clock or a clock jump reclaims everything.
func TestClockGuard(t *testing.T) {
	t.Parallel()
	const lease = 4 * time.Second
	beat := int64(500 * time.Millisecond)
	var g clockGuard
	redis, local := int64(1_000_000), int64(0)
	see := func(redisStep, localStep int64) time.Duration {
		redis, local = redis+redisStep/1e6, local+localStep
		return g.see(redis, local-2e6, local, lease)
	}
	if jump := see(beat, beat); jump != 0 || g.trusted(local) {
		t.Errorf("at the first look: jump %s, trusted %t", jump, g.trusted(local))
	}
	for range 10 {
		if jump := see(beat+3e6, beat); jump != 0 {
			t.Errorf("clocks that run alike: jump %s", jump)
		}
	}
	if !g.trusted(local) {
		t.Error("not trusted in quiet times")
	}
	for _, by := range []time.Duration{time.Hour, -time.Hour, 3 * time.Second} {
		jump := see(beat+int64(by), beat)
		if (jump-by).Abs() > 10*time.Millisecond || g.trusted(local) {
			t.Errorf("a jump by %s: seen as %s, trusted %t", by, jump, g.trusted(local))
		}
		for range int64(lease) / beat {
			see(beat, beat)
		}
		if !g.trusted(local) {
			t.Errorf("not trusted a lease after a jump by %s", by)
		}
	}
	if jump := see(int64(3*time.Second), int64(3*time.Second)); jump != 0 || g.trusted(local) {
		t.Errorf("after an outage: jump %s, trusted %t", jump, g.trusted(local))
	}
	redis, local = redis+500, local+int64(3*time.Second) // the worker was frozen while the reply was on its way
	if jump := g.see(redis, local-int64(2500*time.Millisecond), local, lease); jump != 0 {
		t.Errorf("after a late reply: jump %s", jump)
	}
}
