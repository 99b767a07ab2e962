package lockmgr

import (
	"context"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// minMembers is the least number of servers of which one may fail.
const minMembers = 3

// A waiter looks again after a pause between half of this and all of it, at random: two that tried at once, and each got
// a part, are apart the next time.
const quorumPause = 50 * time.Millisecond

// Quorum takes locks that most of several independent Redis servers must grant: an outage, or the loss of the data, of
// fewer than half of them neither stops it nor lets a second holder in. This is the Redlock algorithm of the Redis
// documentation, with renewal and fencing tokens. It is safe for concurrent use.
//
// Servers are independent if no two can fail together and none is another's replica. A server that may come back
// without its last writes (no AOF with fsync always) counts as failed until the longest TTL has passed.
//
// On each server the lock is the key that [Manager] uses. A Manager's lock on one of them takes that one's vote, and does
// not keep a Quorum out that has the others: use one or the other for a name.
type Quorum struct {
	members []redis.UniversalClient
	leases  leases
	lines   *hub // keeps the waiters of this process in line; nobody publishes
	asking  requests
}

// NewQuorum returns a manager of the locks in most of the servers. It needs clients of at least 3, and works with any
// number of them as well as with the next lower odd one. The clients remain the caller's to close, after
// [Quorum.Close]. Requests to a server that hangs end in the background with the client's time-outs.
func NewQuorum(clients ...redis.UniversalClient) (*Quorum, error) {
	if len(clients) < minMembers {
		return nil, fmt.Errorf("lockmgr: quorum: %w: %d servers, at least %d", ErrInvalid, len(clients), minMembers)
	}
	seen := map[redis.UniversalClient]bool{nil: true}
	for i, client := range clients {
		if seen[client] {
			return nil, fmt.Errorf("lockmgr: quorum: %w: client %d is nil or there twice", ErrInvalid, i)
		}
		seen[client] = true
	}
	return &Quorum{members: clients, lines: newHub(nil)}, nil
}

// Close ends what it does as [Manager.Close] does, and waits for requests to servers that hang.
func (q *Quorum) Close() {
	q.leases.close()
	q.lines.close()
	q.asking.wait()
}

// TryAcquire takes the lock of that name, or returns [ErrNotAcquired] if another has it, or if several tried at once
// and none got most servers. If most servers do not answer, it returns another error; it takes three fifths of the
// TTL at the most, and 3 s. Of the options, [Fair] is [ErrInvalid].
//
// The lock is like one of [Manager]. Its context ends a tenth of the TTL before most servers can have let go of it, or
// before the lock is renewed at most of them. [Lock.Release] returns [ErrLockLost] if most servers say so, and another
// error if too few answer. [Lock.Token] is greater than that of every holder before, as long as no more than a minority
// has lost its data since, and beyond that as long as the clocks are in step.
func (q *Quorum) TryAcquire(ctx context.Context, name string, opts ...Option) (*Lock, error) {
	lock, err := q.newLock(name, opts)
	if err != nil {
		return nil, err
	}
	return lock.try(ctx)
}

// Acquire waits for the lock of that name until ctx ends, which is [ErrNotAcquired] and the context's cause. It looks
// every 25 to 50 ms, one waiter of this process at a time. That most servers do not answer is an error at once.
func (q *Quorum) Acquire(ctx context.Context, name string, opts ...Option) (*Lock, error) {
	lock, err := q.newLock(name, opts)
	if err != nil {
		return nil, err
	}
	line := q.lines.enter(name)
	defer q.lines.leave(line)
	if err := q.lines.takeTurn(ctx, line, lock); err != nil {
		return nil, err
	}
	defer line.endTurn()
	pause := func(time.Duration) time.Duration { return quorumPause/2 + mathrand.N(quorumPause/2) }
	if err := q.lines.contend(ctx, lock, &waiter{}, pause, func() {}); err != nil {
		return nil, err
	}
	return lock, nil
}

// Do runs fn while it holds the lock of that name, as [Manager.Do] does.
func (q *Quorum) Do(ctx context.Context, name string, fn func(context.Context) error, opts ...Option) error {
	if fn == nil {
		return fmt.Errorf("lockmgr: do %s: %w: no function", quote(name), ErrInvalid)
	}
	lock, err := q.Acquire(ctx, name, opts...)
	if err != nil {
		return err
	}
	return lock.run(ctx, fn)
}

func (q *Quorum) newLock(name string, opts []Option) (*Lock, error) {
	lock, o, err := newLock(&q.leases, name, opts)
	if err == nil && o.fair {
		err = fmt.Errorf("lockmgr: lock %s: %w: only plain locks can be Fair", quote(name), ErrInvalid)
	}
	if err != nil {
		return nil, err
	}
	lock.seat = newQuorumSeat(q, lockPrefix+name)
	return lock, nil
}
