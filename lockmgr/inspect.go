package lockmgr

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Kind is a kind of lock that [Manager.Inspect] can show.
type Kind string

// The kinds of locks. Idempotency keys are none of them.
const (
	KindLock      Kind = "lock" // also a part of a [Quorum]'s lock
	KindSemaphore Kind = "semaphore"
	KindRWLock    Kind = "rwlock"
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
	Holders []Holder `json:"holders"` // whose lease ends first comes first; MaxHolders at the most
	Held    int64    `json:"held"`    // how many holders there are
	Fence   uint64   `json:"fence"`   // the last fencing token; 0 if none is known
	Waiting int64    `json:"waiting"` // in the [Fair] queue, and a writer who waits: others leave no trace in Redis
}

// Holder is who has a lock.
type Holder struct {
	Owner  string        `json:"owner"` // random: it names the holder to [Manager.Evict]
	Left   time.Duration `json:"left_ns"`
	Writer bool          `json:"writer,omitempty"` // of a readers-writer lock
}

// Forever is [Holder.Left] of a lock without an end, as another program may have taken it.
const Forever = time.Duration(-1)

// Inspect returns those of the named locks that somebody holds, in the order of the names, in two round trips. Keys that
// another program made and that are no locks are left out.
func (m *Manager) Inspect(ctx context.Context, kind Kind, names ...string) ([]State, error) {
	if err := kind.validate(); err != nil {
		return nil, fmt.Errorf("lockmgr: inspect: %w", err)
	}
	now, err := m.hub.rdb.Time(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("lockmgr: inspect: %w", err)
	}
	pipe := m.hub.rdb.Pipeline()
	asked := make([]glance, len(names))
	for i, name := range names {
		asked[i] = newGlance(ctx, pipe, kind, name, now)
	}
	if err := execute(ctx, pipe); err != nil {
		return nil, fmt.Errorf("lockmgr: inspect: %w", err)
	}
	states := make([]State, 0, len(names))
	for _, g := range asked {
		if state := g.state(now); state.Held > 0 {
			states = append(states, state)
		}
	}
	return states, nil
}

// execute sends a pipeline. A key that is gone, or is another program's and of another type, fails its own command
// alone.
func execute(ctx context.Context, pipe redis.Pipeliner) error {
	if pipe.Len() == 0 {
		return nil
	}
	commands, err := pipe.Exec(ctx)
	if err == nil {
		return nil
	}
	for _, command := range commands {
		err := command.Err()
		if err != nil && !errors.Is(err, redis.Nil) && !redis.HasErrorPrefix(err, "WRONGTYPE") {
			return err
		}
	}
	return nil
}

// glance is what was asked about one lock.
type glance struct {
	kind    Kind
	name    string
	owner   *redis.StringCmd // of a plain lock; of the others, the wish
	ttl     *redis.DurationCmd
	holders *redis.ZSliceCmd
	count   *redis.IntCmd
	fence   *redis.StringCmd
}

func newGlance(ctx context.Context, pipe redis.Pipeliner, kind Kind, name string, now time.Time) glance {
	key := kind.KeyPrefix() + name
	g := glance{kind: kind, name: name, fence: pipe.Get(ctx, companion(key, "fence"))}
	living := strconv.FormatInt(now.UnixMilli(), 10)
	if kind == KindLock {
		g.owner, g.ttl = pipe.Get(ctx, key), pipe.PTTL(ctx, key)
		g.count = pipe.ZCount(ctx, companion(key, "waiters"), "("+living, "+inf")
		return g
	}
	g.owner = pipe.Get(ctx, companion(key, "wish"))
	g.count = pipe.ZCount(ctx, key, "("+living, "+inf")
	g.holders = pipe.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{
		Key: key, ByScore: true, Start: "(" + living, Stop: "+inf", Count: MaxHolders,
	})
	return g
}

func (g glance) state(now time.Time) State {
	s := State{Kind: g.kind, Name: g.name}
	s.Fence, _ = strconv.ParseUint(g.fence.Val(), 10, 64)
	if g.kind == KindLock {
		if g.owner.Err() == nil && g.ttl.Val() != -2 {
			s.Held, s.Waiting = 1, g.count.Val()
			s.Holders = []Holder{{Owner: g.owner.Val(), Left: g.ttl.Val()}}
		}
		return s
	}
	s.Held = g.count.Val()
	if g.owner.Err() == nil {
		s.Waiting = 1
	}
	for _, z := range g.holders.Val() {
		owner, _ := z.Member.(string)
		s.Holders = append(s.Holders, Holder{
			Owner: owner, Left: time.UnixMilli(int64(z.Score)).Sub(now), Writer: strings.HasPrefix(owner, "!"),
		})
	}
	return s
}

// Evict takes a lock away from a holder that [Manager.Inspect] has named, and wakes who waits. It is for a person who knows
// that the holder is beyond help, since a dead one loses the lock by itself. A living holder learns of it at its next
// renewal, and may work on until then: what the lock guards is safe only where fencing tokens are checked. Evict reports
// whether the holder still had it.
func (m *Manager) Evict(ctx context.Context, kind Kind, name, owner string) (bool, error) {
	err := kind.validate()
	if err == nil {
		err = checkName(name)
	}
	if err != nil {
		return false, fmt.Errorf("lockmgr: evict from %s: %w", quote(name), err)
	}
	f := m.hub.lockForm(name)
	if kind != KindLock {
		f = m.hub.permitForm(kind.KeyPrefix()+name, 1, 0)
	}
	had, err := f.release(ctx, owner)
	if err != nil {
		return false, fmt.Errorf("lockmgr: evict from %s: %w", quote(name), err)
	}
	return had, nil
}
