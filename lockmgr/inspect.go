package lockmgr

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/lockmgr/internal/lease"
)

// Kind is a kind of lock that [Manager.Inspect] can show.
type Kind string

// The kinds of locks. Idempotency keys are none of them.
const (
	KindLock      Kind = "lock"      // a [Lock] by [Manager.Acquire]; also one server's part of a lock of package quorum
	KindSemaphore Kind = "semaphore" // a [Semaphore]
	KindRWLock    Kind = "rwlock"    // an [RWLock]
)

// MaxHolders is how many holders of one semaphore or readers-writer lock a [State] names.
const MaxHolders = 50

// KeyPrefix begins the keys of all locks of that kind; the lock's name follows.
func (k Kind) KeyPrefix() string { return string(k) + ":" }

func (k Kind) validate() error {
	switch k {
	case KindLock, KindSemaphore, KindRWLock:
		return nil
	}
	return fmt.Errorf("%w: no kind %q of locks: want %s, %s or %s", ErrInvalid, k, KindLock, KindSemaphore, KindRWLock)
}

// State is a lock as it stands.
type State struct {
	Kind    Kind     `json:"sort"`
	Name    string   `json:"name"`
	Holders []Holder `json:"holders"` // in the order in which their leases end; MaxHolders at the most
	Held    int64    `json:"held"`    // the number of holders
	Fence   uint64   `json:"fence"`   // the last fencing token; 0 if none is known
	Waiting int64    `json:"waiting"` // in the [Fair] queue, and a writer that waits: others leave no trace in Redis
}

// Holder is one holder of a lock.
type Holder struct {
	Owner  string        `json:"owner"`            // random: it names the holder to [Manager.Evict]
	Left   time.Duration `json:"left_ns"`          // until its lease ends, by Redis' clock; or [Forever]
	Writer bool          `json:"writer,omitempty"` // of a readers-writer lock
}

// Forever is [Holder.Left] of a lock without an end, as another program may have taken it.
const Forever = time.Duration(-1)

// Inspect returns those of the named locks that have a holder, in the order of the names, in two round trips. Keys that
// another program made and that are no locks are left out. An unknown kind is [ErrInvalid].
func (m *Manager) Inspect(ctx context.Context, kind Kind, names ...string) ([]State, error) {
	if err := kind.validate(); err != nil {
		return nil, fmt.Errorf("lockmgr: inspect: %w", err)
	}
	now, err := m.rdb.Time(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("lockmgr: inspect: %w", err)
	}
	pipe := m.rdb.Pipeline()
	asked := make([]stateQuery, len(names))
	for i, name := range names {
		asked[i] = newStateQuery(ctx, pipe, kind, name, now)
	}
	if err := redisx.Execute(ctx, pipe, "WRONGTYPE"); err != nil { // a key may be another program's
		return nil, fmt.Errorf("lockmgr: inspect: %w", err)
	}
	states := make([]State, 0, len(names))
	for _, q := range asked {
		if state := q.state(now); state.Held > 0 {
			states = append(states, state)
		}
	}
	return states, nil
}

// stateQuery is the commands that ask for the state of one lock.
type stateQuery struct {
	kind    Kind
	name    string
	owner   *redis.StringCmd // of a plain lock
	ttl     *redis.DurationCmd
	intent  *redis.StringCmd // of a writer that waits
	holders *redis.ZSliceCmd
	count   *redis.IntCmd // of holders; of a plain lock, of waiters
	fence   *redis.StringCmd
}

func newStateQuery(ctx context.Context, pipe redis.Pipeliner, kind Kind, name string, now time.Time) stateQuery {
	key := kind.KeyPrefix() + name
	q := stateQuery{kind: kind, name: name, fence: pipe.Get(ctx, redisx.Companion(key, "fence"))}
	living := strconv.FormatInt(now.UnixMilli(), 10)
	if kind == KindLock {
		q.owner, q.ttl = pipe.Get(ctx, key), pipe.PTTL(ctx, key)
		q.count = pipe.ZCount(ctx, redisx.Companion(key, "waiters"), "("+living, "+inf")
		return q
	}
	q.intent = pipe.Get(ctx, redisx.Companion(key, "wish"))
	q.count = pipe.ZCount(ctx, key, "("+living, "+inf")
	q.holders = pipe.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{
		Key: key, ByScore: true, Start: "(" + living, Stop: "+inf", Count: MaxHolders,
	})
	return q
}

// state reads the answers. One that failed reads as if there were nothing: the key is gone or of another type.
func (q stateQuery) state(now time.Time) State {
	s := State{Kind: q.kind, Name: q.name}
	s.Fence, _ = strconv.ParseUint(q.fence.Val(), 10, 64)
	if q.kind == KindLock {
		if q.owner.Err() == nil && q.ttl.Val() != -2 {
			s.Held, s.Waiting = 1, q.count.Val()
			s.Holders = []Holder{{Owner: q.owner.Val(), Left: lease.Believable(q.owner.Val(), q.ttl.Val())}}
		}
		return s
	}
	s.Held = q.count.Val()
	if q.intent.Err() == nil {
		s.Waiting = 1
	}
	for _, z := range q.holders.Val() {
		owner, _ := z.Member.(string)
		s.Holders = append(s.Holders, Holder{
			Owner: owner, Left: lease.Believable(owner, time.UnixMilli(int64(z.Score)).Sub(now)),
			Writer: strings.HasPrefix(owner, "!"),
		})
	}
	return s
}

// Evict takes a lock away from a holder that [Manager.Inspect] has named, and wakes waiters. It is for an operator that
// is sure that the holder is beyond help, since a dead one loses the lock by itself. A living holder's context ends at
// its next renewal, and it may work on until then: what the lock guards is safe only where fencing tokens are checked.
// Evict reports whether the holder still had it. An unknown kind and a bad name are [ErrInvalid].
func (m *Manager) Evict(ctx context.Context, kind Kind, name, owner string) (bool, error) {
	if err := kind.validate(); err != nil {
		return false, fmt.Errorf("lockmgr: evict from %s: %w", lease.Quote(name), err)
	}
	if err := lease.CheckName(name); err != nil {
		return false, fmt.Errorf("lockmgr: evict from %s: %w", lease.Quote(name), err)
	}
	backend := m.lockBackend(name)
	if kind != KindLock {
		backend = m.permitBackend(kind.KeyPrefix()+name, 1, 0)
	}
	had, err := backend.Release(ctx, owner)
	if err != nil {
		return false, fmt.Errorf("lockmgr: evict from %s: %w", lease.Quote(name), err)
	}
	return had, nil
}
