package wire_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// enqueue sends a job's script by its text.
func (s *store) enqueue(e wire.Enqueue) (*wire.Duplicate, error) {
	s.Helper()
	reply, err := s.rdb.Do(s.Context(), wire.EnqueueArgs(s.q, []*wire.Enqueue{&e}, true)...).Result()
	if err != nil {
		return nil, err
	}
	cells, err := wire.ReadEnqueue(reply, 1)
	if err != nil {
		return nil, err
	}
	return wire.ReadEnqueued(cells[0])
}

func guarded(due *time.Time) wire.Enqueue {
	return wire.Enqueue{
		ID: "j-1", Kind: "mail", Data: []byte("{}"), Meta: `{"guarded":true,"unique":"u"}`, Due: due,
		Call: "call", Window: time.Hour, UniqueKey: "u", UniqueFor: time.Hour,
	}
}

func TestEnqueueIsRepeatable(t *testing.T) {
	t.Parallel()
	due := time.UnixMicro(4_000_001)
	for name, c := range map[string]struct {
		due         *time.Time
		state, want string
	}{
		"at once": {nil, "waiting", `ids j-1=call 3600000 stream:NOW
			stream NOW(j-1 {"guarded":true,"unique":"u"}) []
			unique:u j-1 !`},
		"later": {&due, "delayed", `bodies j-1=4 29 mail{"guarded":true,"unique":"u"}{}
			delayed j-1:4001
			ids j-1=call 3600000 bodies
			stats scheduled=1
			stream []
			unique:u j-1 !`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			for _, try := range []string{"first", "again"} {
				if found, err := s.enqueue(guarded(c.due)); found != nil || err != nil {
					t.Errorf("%s: a duplicate of %+v, %v", try, found, err)
				}
				s.holds(try, c.want)
			}
			other := guarded(c.due)
			other.ID, other.Call = "j-2", "another"
			want := wire.Duplicate{ID: "j-1", State: c.state}
			if found, err := s.enqueue(other); found == nil || *found != want || err != nil {
				t.Errorf("the same key: %+v, %v", found, err)
			}
			other = guarded(c.due)
			other.Call = "another"
			if found, err := s.enqueue(other); found == nil || *found != want || err != nil {
				t.Errorf("the same ID: %+v, %v", found, err)
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
		"guards":  {nil, func(q *wire.QueueRef) string { return q.IDs() }},
		"ends":    {nil, func(q *wire.QueueRef) string { return q.IDsEnds() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			key := c.key(s.q)
			s.must(s.rdb.Set(t.Context(), key, "damage", 0).Err())
			for _, try := range []string{"first", "again"} {
				if _, err := s.enqueue(guarded(c.due)); !redis.HasErrorPrefix(err, "WRONGTYPE") {
					t.Errorf("%s: %v", try, err)
				}
			}
			for _, guard := range []string{s.q.IDs(), s.q.Unique("u")} {
				if n := s.rdb.Exists(t.Context(), guard).Val(); n != 0 && guard != key {
					t.Errorf("a guard is left:\n%s", s.snapshot())
				}
			}
			s.must(s.rdb.Del(t.Context(), key).Err())
			if found, err := s.enqueue(guarded(c.due)); found != nil || err != nil {
				t.Errorf("repaired: a duplicate of %+v, %v", found, err)
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
	e := guarded(nil)
	long := time.Duration(1<<63 - 1)
	e.UniqueFor, e.Window = long+time.Hour, long
	if found, err := s.enqueue(e); found != nil || err != nil {
		t.Fatalf("a duplicate of %+v, %v", found, err)
	}
	if ttl := s.rdb.PTTL(t.Context(), s.q.Unique("u")).Val(); ttl < long/2 {
		t.Errorf("the key is kept for %s", ttl)
	}
}

func TestEnqueueByItsDigestNeedsTheScript(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.rdb = redis.NewClient(&redis.Options{Addr: redistest.Shared(t).Addr}) // the other one has another text sent
	t.Cleanup(func() { _ = s.rdb.Close() })
	e := guarded(nil)
	jobs := []*wire.Enqueue{&e}
	args := wire.EnqueueArgs(s.q, jobs, false)
	args[1] = "0000000000000000000000000000000000000000" // as on a server that does not have it
	if err := s.rdb.Do(t.Context(), args...).Err(); !redis.HasErrorPrefix(err, "NOSCRIPT") {
		t.Errorf("got %v", err)
	}
	s.holds("afterwards", "stream []")
	s.must(s.rdb.Do(t.Context(), wire.EnqueueArgs(s.q, jobs, true)...).Err())
	s.must(s.rdb.Do(t.Context(), wire.EnqueueArgs(s.q, jobs, false)...).Err()) // by its digest now, the same call
	if n := s.rdb.XLen(t.Context(), s.q.Stream).Val(); n != 1 {
		t.Errorf("%d entries", n)
	}
}
