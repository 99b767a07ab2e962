package wire_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// After Redis' clock was set back by an hour all that it has noted before lies an hour further ahead: here that is
// written, in place of the clock's own step.
const jump = time.Hour

func inMS(d time.Duration) float64 { return float64(time.Now().Add(d).UnixMilli()) }

// noteClock notes how far the queue's time had come before the clock was set back.
func (s *store) noteClock(reached, at time.Duration) {
	s.Helper()
	noted := fmt.Sprintf("%.0f %.0f", inMS(reached), inMS(at))
	s.must(s.rdb.HSet(s.Context(), s.q.Metrics(), "clock", noted).Err())
}

func TestDelayedJobsAreDueByTheClockOfRedis(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		own         time.Duration // by how much the caller's clock is ahead
		given       bool
		reached, at time.Duration // what the queue's time had come to, and when; at 0: not noted
		want        int64         // of the jobs that are due before now, in half an hour and in two
	}{
		"clocks in step":                            {0, false, 0, 0, 1},
		"a worker's clock is ahead":                 {3 * time.Hour, false, 0, 0, 1},
		"a worker's clock is behind":                {-3 * time.Hour, false, 0, 0, 1},
		"a worker's clock is ahead, and noted time": {3 * time.Hour, false, -time.Second, -time.Second, 1},
		"Redis' clock was set back":                 {jump, false, jump, time.Second, 2},
		"it was, and a worker's is further ahead":   {3 * jump, false, jump, time.Second, 2},
		"it was ahead, and is right now":            {0, false, jump, time.Second, 1},
		"it was, and no worker came since":          {3 * jump, false, jump - 40*time.Minute, -30 * time.Minute, 1},
		"a clock of a test":                         {3 * time.Hour, true, 0, 0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			if c.at != 0 {
				s.noteClock(c.reached, c.at)
			}
			for k, due := range []time.Duration{-time.Minute, jump / 2, 2 * jump} {
				id := fmt.Sprintf("j-%d", k)
				s.must(s.rdb.ZAdd(t.Context(), s.q.Delayed(), redis.Z{Score: inMS(due), Member: id}).Err())
				s.must(s.rdb.HSet(t.Context(), s.q.Bodies(), id, wire.EncodeBody("mail", "", []byte("{}"))).Err())
			}
			clock := wire.Clock{Own: time.Now().Add(c.own), Given: c.given}
			if n, _, err := wire.Promote(t.Context(), s.rdb, s.q, clock, 10); n != c.want || err != nil {
				t.Errorf("%d were due, want %d: %v", n, c.want, err)
			}
		})
	}
}

// A retry waits for its delay by the clock that it is due by, whatever the worker's own shows.
func TestRetriesAreDueByTheSameClock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		own, reached, want time.Duration
	}{
		"a worker's clock is ahead":  {3 * time.Hour, 0, time.Minute},
		"a worker's clock is behind": {-3 * time.Hour, 0, time.Minute},
		"Redis' clock was set back":  {jump, jump, jump + time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := held(t, 1)
			if c.reached != 0 {
				s.noteClock(c.reached, 0)
			}
			clock := wire.Clock{Own: time.Now().Add(c.own)}
			job := wire.Retry{Move: s.moveOf("1-1"), ID: "j-1", Kind: "mail", Delay: time.Minute}
			moved, err := s.putOff("w#1", clock, false, job)
			s.must(err)
			due := s.rdb.ZScore(t.Context(), s.q.Retrying(), "j-1").Val() - inMS(0)
			if in := time.Duration(due) * time.Millisecond; !moved || (in-c.want).Abs() > 20*time.Second {
				t.Errorf("moved %t, due in %s, want %s", moved, in, c.want)
			}
			if n, _, err := wire.Promote(t.Context(), s.rdb, s.q, clock, 10); n != 0 || err != nil {
				t.Errorf("%d were due at once: %v", n, err)
			}
		})
	}
}

// Jobs were put off while Redis' clock was ahead, and it was set back.
func TestAWaitLiesNoFurtherAheadThanItIsLong(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{0, time.Millisecond, 700 * time.Millisecond, 5 * time.Second, 20 * time.Minute,
		30 * 24 * time.Hour} {
		for _, snoozed := range []bool{false, true} {
			t.Run(fmt.Sprint(wait, snoozed), func(t *testing.T) {
				t.Parallel()
				s := held(t, 1)
				key := s.q.Retrying()
				if snoozed {
					key = s.q.Delayed()
				}
				job := wire.Retry{Move: s.moveOf("1-1"), ID: "j-1", Kind: "mail", Delay: wait}
				_, err := s.putOff("w#1", given(int64(inMS(jump))), snoozed, job)
				s.must(err)
				chosen := inMS(jump)
				s.must(s.rdb.ZAdd(t.Context(), key, redis.Z{Score: chosen, Member: "chosen"}).Err())
				now := time.Now()
				s.must(wire.DrawNear(t.Context(), s.rdb, s.q, wire.Clock{Own: now, Given: true}))
				due := s.rdb.ZScore(t.Context(), key, "j-1").Val() - float64(now.UnixMilli())
				if least := float64(wait.Milliseconds()); due < least || due > least*1.05+2 {
					t.Errorf("due in %.3f ms, after a wait of %s", due, wait)
				}
				if got := s.rdb.ZScore(t.Context(), key, "chosen").Val(); got != chosen {
					t.Errorf("a time that was chosen has moved by %f ms", got-chosen)
				}
			})
		}
	}
}

// A page of many jobs has a further one.
func TestAllWaitsAreDrawnNear(t *testing.T) {
	t.Parallel()
	s := held(t, 1)
	const many = 2500
	members := make([]redis.Z, many)
	for i := range members {
		members[i] = redis.Z{Score: math.Floor(inMS(jump)) + 161./1024, Member: fmt.Sprint("j-", i)} // of 2^10 ms
	}
	s.must(s.rdb.ZAdd(t.Context(), s.q.Retrying(), members...).Err())
	s.must(wire.DrawNear(t.Context(), s.rdb, s.q, wire.Clock{Own: time.Now()}))
	least, most := fmt.Sprint("(", inMS(500*time.Millisecond-time.Minute)), fmt.Sprint(inMS(1025*time.Millisecond))
	if n := s.rdb.ZCount(t.Context(), s.q.Retrying(), least, most).Val(); n != many {
		t.Errorf("%d of %d", n, many)
	}
}

func TestTheCaretakerNotesHowFarTheTimeHasCome(t *testing.T) {
	t.Parallel()
	s := held(t, 1)
	beat := func() (reached, at float64) {
		_, err := s.beat(wire.Heartbeat{Consumer: "w#1"})
		s.must(err)
		_, err = fmt.Sscan(s.rdb.HGet(t.Context(), s.q.Metrics(), "clock").Val(), &reached, &at)
		s.must(err)
		return reached, at
	}
	if reached, at := beat(); reached != at {
		t.Errorf("with a clock that was never set back: %f at %f", reached, at)
	}
	s.noteClock(jump, jump)
	before := inMS(jump - 10*time.Second)
	for range 3 {
		if reached, at := beat(); reached < before || at > inMS(time.Minute) {
			t.Errorf("after it was set back: %f at %f", reached, at)
		}
	}
	s.noteClock(-jump, -2*jump) // and forward again, beyond what was reached
	if reached, at := beat(); reached != at {
		t.Errorf("with a clock that has caught up: %f at %f", reached, at)
	}
}

// A caretaker that died before the clock was set back is none, whatever its lease and its key say.
func TestACaretakerWhoseTermEndsTooLateIsNone(t *testing.T) {
	t.Parallel()
	s := held(t, 1)
	dead := redis.Z{Score: inMS(2 * jump), Member: "dead#1"}
	s.must(s.rdb.ZAdd(t.Context(), s.q.Workers(), dead).Err())
	s.must(s.rdb.Set(t.Context(), s.q.Caretaker(), "dead#1", jump).Err())
	r, err := s.beat(wire.Heartbeat{Consumer: "w#1"})
	if !r.Caretaker || !slices.Equal(r.Late, []string{"dead#1"}) || err != nil {
		t.Errorf("got %+v, %v", r, err)
	}
}
