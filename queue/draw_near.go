package queue

import (
	"context"
	"sync"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// setBack is by how much Redis' clock was set back, as the caretaker has seen it.
type setBack struct {
	mu   sync.Mutex
	seen time.Duration // in the last heartbeat
	done time.Duration // what all jobs have been looked at for
}

// see notes how far behind the clock is, and reports whether there are jobs that may lie too far ahead for that.
func (s *setBack) see(behind time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.done = behind, min(s.done, behind)
	return behind > s.done+clockTolerance
}

func (s *setBack) last() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// looked notes that all jobs were looked at after the clock was so far behind.
func (s *setBack) looked(behind time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = behind
}

// drawNear is the chore that believes no retry and no snooze which lies further ahead than it can, after Redis' clock
// was set back.
//
// Why: docs/decisions/engine.md#delays-go-by-redis-clock-which-does-not-go-back
func (ses *session) drawNear(ctx context.Context) (next time.Duration, err error) {
	behind := ses.setBack.last()
	if err := wire.DrawNear(ctx, ses.w.rdb, &ses.queue, ses.w.clock()); err != nil {
		return 0, err
	}
	ses.setBack.looked(behind)
	ses.signalChore(chorePromote)
	return 0, nil
}
