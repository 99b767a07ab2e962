package wire_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// enqueue sends a job's script by its text.
func (s *store) enqueue(e wire.Enqueue) (guard int, holds string, err error) {
	s.Helper()
	args := e.Args(&s.q.Keys)
	wire.EvalArgs(args)
	reply, err := s.rdb.Do(s.Context(), args...).Result()
	guard, holds = wire.ReadEnqueue(reply)
	return guard, holds, err
}

func guarded(s *store, due *time.Time) wire.Enqueue {
	return wire.Enqueue{ID: "j-1", Kind: "mail", Data: []byte("{}"), Meta: `{"unique":"u"}`, Due: due, Guards: []wire.Guard{
		{Key: s.q.IDMarker("j-1"), Value: "nonce", For: time.Hour}, {Key: s.q.Unique("u"), Value: "j-1", For: time.Hour},
	}}
}

func TestEnqueueIsRepeatable(t *testing.T) {
	t.Parallel()
	due := time.UnixMicro(4_000_001)
	for name, c := range map[string]struct {
		due  *time.Time
		want string
	}{
		"at once": {nil, "id:j-1 nonce !\n stream NOW(j-1 {\"unique\":\"u\"}) []\n unique:u j-1 !"},
		"later": {&due, `bodies j-1=4 14 mail{"unique":"u"}{}
			delayed j-1:4001
			id:j-1 nonce !
			stats scheduled=1
			stream []
			unique:u j-1 !`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			for _, try := range []string{"first", "again"} {
				if guard, _, err := s.enqueue(guarded(s, c.due)); guard != -1 || err != nil {
					t.Errorf("%s: guard %d, %v", try, guard, err)
				}
				s.holds(try, c.want)
			}
			other := guarded(s, c.due)
			other.ID, other.Guards = "j-2", []wire.Guard{{Key: s.q.IDMarker("j-2"), Value: "n", For: time.Hour}, other.Guards[1]}
			other.Guards[1].Value = "j-2"
			if guard, holds, err := s.enqueue(other); guard != 1 || holds != "j-1" || err != nil {
				t.Errorf("the same key: guard %d, %q, %v", guard, holds, err)
			}
			other = guarded(s, c.due)
			other.Guards[0].Value = "another call"
			if guard, holds, err := s.enqueue(other); guard != 0 || holds != "nonce" || err != nil {
				t.Errorf("the same ID: guard %d, %q, %v", guard, holds, err)
			}
			s.holds("refused", c.want)
		})
	}
}

// A guard that outlived the failure would make the repeated call report a job that is nowhere.
func TestNoGuardOutlivesAFailedEnqueue(t *testing.T) {
	t.Parallel()
	due := time.UnixMilli(4000)
	for name, c := range map[string]struct {
		due *time.Time
		key func(q *wire.QueueRef) string
	}{
		"stream":  {nil, func(q *wire.QueueRef) string { return q.Stream }},
		"bodies":  {&due, func(q *wire.QueueRef) string { return q.Bodies() }},
		"delayed": {&due, func(q *wire.QueueRef) string { return q.Delayed() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			key := c.key(s.q)
			s.must(s.rdb.Set(t.Context(), key, "damage", 0).Err())
			for _, try := range []string{"first", "again"} {
				if _, _, err := s.enqueue(guarded(s, c.due)); !redis.HasErrorPrefix(err, "WRONGTYPE") {
					t.Errorf("%s: %v", try, err)
				}
			}
			if n := s.rdb.Exists(t.Context(), s.q.IDMarker("j-1"), s.q.Unique("u")).Val(); n != 0 {
				t.Errorf("%d guards are left:\n%s", n, s.snapshot())
			}
			s.must(s.rdb.Del(t.Context(), key).Err())
			if guard, _, err := s.enqueue(guarded(s, c.due)); guard != -1 || err != nil {
				t.Errorf("repaired: guard %d, %v", guard, err)
			}
			if jobs := s.rdb.XLen(t.Context(), s.q.Stream).Val() + s.rdb.ZCard(t.Context(), s.q.Delayed()).Val(); jobs != 1 {
				t.Errorf("%d jobs:\n%s", jobs, s.snapshot())
			}
		})
	}
}

// A delay and a lifetime may add up to more than a Duration holds.
func TestALifetimeThatOverflowsIsLong(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	e := guarded(s, nil)
	long := time.Duration(1<<63 - 1)
	e.Guards[1].For = long + time.Hour
	if guard, _, err := s.enqueue(e); guard != -1 || err != nil {
		t.Fatalf("guard %d, %v", guard, err)
	}
	if ttl := s.rdb.PTTL(t.Context(), s.q.Unique("u")).Val(); ttl < long/2 {
		t.Errorf("the key is kept for %s", ttl)
	}
}

func TestEnqueueByItsDigestNeedsTheScript(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	e := guarded(s, nil)
	args := e.Args(&s.q.Keys)
	args[1] = "0000000000000000000000000000000000000000" // as on a server that does not have it
	if err := s.rdb.Do(t.Context(), args...).Err(); !redis.HasErrorPrefix(err, "NOSCRIPT") {
		t.Errorf("got %v", err)
	}
	s.holds("afterwards", "stream []")
	wire.EvalArgs(args)
	s.must(s.rdb.Do(t.Context(), args...).Err())
	s.must(s.rdb.Do(t.Context(), e.Args(&s.q.Keys)...).Err()) // by its digest now, the same call
	if n := s.rdb.XLen(t.Context(), s.q.Stream).Val(); n != 1 {
		t.Errorf("%d entries", n)
	}
}
