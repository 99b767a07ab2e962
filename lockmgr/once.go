package lockmgr

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/navvy-go/navvy/lockmgr/internal/lease"
)

// Once runs fn for an idempotency key unless that was done before: then it returns the first result, and replayed is
// true. The fingerprint stands for what is asked for, such as a hash of the arguments: another one under the same key
// is [ErrKeyReused]. While fn runs elsewhere, the answer is an [InProgressError]. Bad arguments are [ErrInvalid]: a key
// that is empty or longer than [MaxName], fn is nil, the option [Fair].
//
// The key is held by a lease of [TTL], which is renewed while fn runs. When the holder dies, the next caller takes over
// with a higher fencing token, which [Token] finds in the context of fn; the late first one can then record nothing and
// returns [ErrLockLost]. A result is kept for [Retain]. An error of fn frees the key, so that the next call runs fn
// again, unless it is [Final]: then it is kept, and comes back as a [FinalError].
//
// A caller that gives up before the key is its own, at the end of ctx or because Redis does not answer, leaves the key
// as it was, as with [Manager.Acquire]. Once is not reentrant: the same key within fn is in progress.
//
// Redis may forget: a failover can lose the key. What must never happen twice needs a judge that cannot, such as a
// UNIQUE column with the key. If fn succeeded and that could not be recorded, the result comes with an error.
func (m *Manager) Once(
	ctx context.Context, key, fingerprint string, fn func(context.Context) ([]byte, error), opts ...Option,
) (result []byte, replayed bool, err error) {
	once, err := m.newOnce(key, fn == nil, opts)
	if err != nil {
		return nil, false, fmt.Errorf("lockmgr: once %s: %w", lease.Quote(key), err)
	}
	result, replayed, err = once.do(ctx, fingerprint, fn)
	if err != nil {
		err = fmt.Errorf("lockmgr: once %q: %w", key, err)
	}
	return result, replayed, err
}

// once is one call of [Manager.Once].
type once struct {
	manager     *Manager
	key         string
	owner       string
	ttl, retain time.Duration
}

func (m *Manager) newOnce(key string, noFunction bool, opts []Option) (*once, error) {
	o, err := newOptions(opts)
	switch {
	case err != nil:
		return nil, err
	case key == "":
		return nil, fmt.Errorf("%w: key must not be empty", ErrInvalid)
	case len(key) > MaxName:
		return nil, fmt.Errorf("%w: key has %d bytes, at most %d", ErrInvalid, len(key), MaxName)
	case noFunction:
		return nil, fmt.Errorf("%w: no function", ErrInvalid)
	case o.fair:
		return nil, fmt.Errorf("%w: only plain locks can be Fair", ErrInvalid)
	}
	return &once{manager: m, key: key, owner: lease.NewOwner(o.ttl), ttl: o.ttl, retain: o.retain}, nil
}

func (o *once) do(
	ctx context.Context, fingerprint string, fn func(context.Context) ([]byte, error),
) (result []byte, replayed bool, err error) {
	begun, err := lease.Attempt(ctx, &o.manager.background, lease.Limit(o.ttl), func() (beginning, error) {
		return o.begin(ctx, fingerprint)
	}, o.undo)
	if err != nil {
		return nil, false, err
	}
	if begun.reply[0] == "run" {
		result, err = o.run(ctx, begun.sent, begun.reply[1], fn)
		return result, false, err
	}
	result, err = o.replay(begun.reply)
	return result, err == nil || errors.As(err, new(*FinalError)), err
}

// beginning is the answer to an attempt to begin.
type beginning struct {
	sent  time.Time
	reply []string
}

func (o *once) begin(ctx context.Context, fingerprint string) (beginning, error) {
	args := []any{o.owner, o.ttl.Milliseconds(), fingerprint, o.retain.Milliseconds()}
	var b beginning
	err := lease.OutMove(ctx, func() (err error) {
		b.sent = time.Now()
		b.reply, err = onceBeginScript.Run(ctx, o.manager.rdb, o.keys(), args...).StringSlice()
		return err
	})
	return b, err
}

// keys are the key and the mark that refuses an attempt which was withdrawn before it arrived. A key that can have no
// companion in its slot goes without.
func (o *once) keys() []string {
	key := oncePrefix + o.key
	if lease.CheckName(o.key) != nil {
		return []string{key}
	}
	return []string{key, lease.MarkKey(key, o.owner)}
}

// undo frees the key of a caller that gave up before it was answered.
func (o *once) undo(ctx context.Context, b beginning, failure error) error {
	if failure == nil && b.reply[0] != "run" {
		return nil
	}
	return onceWithdrawScript.Run(ctx, o.manager.rdb, o.keys(), o.owner, lease.MarkTTL(failure != nil)).Err()
}

// run calls fn under a lease that began at the time sent, and records how it ended.
func (o *once) run(
	ctx context.Context, sent time.Time, token string, fn func(context.Context) ([]byte, error),
) (result []byte, err error) {
	number, err := strconv.ParseUint(token, 10, 64)
	if err != nil {
		return nil, err
	}
	held := lease.Start(ctx, sent, o.ttl, o.renew)
	if !o.manager.leases.Add(held) {
		held.Stop(ErrClosed)
		return nil, errors.Join(ErrClosed, o.finish(ctx, "free", nil, ""))
	}
	panicked := true
	defer func() {
		o.manager.leases.End(held)
		err = errors.Join(err, o.settle(ctx, result, err, panicked))
	}()
	work, end := held.Within(lease.WithToken(ctx, number))
	defer end()
	result, err = fn(work)
	panicked = false
	return result, err
}

// settle records how fn ended. A panic frees the key and goes on.
func (o *once) settle(ctx context.Context, result []byte, err error, panicked bool) error {
	var final *FinalError
	switch {
	case errors.As(err, &final):
		return o.finish(ctx, "failed", result, final.Error())
	case err != nil || panicked:
		return o.finish(ctx, "free", nil, "")
	}
	return o.finish(ctx, "done", result, "")
}

// finish records the end of the work; what could not be recorded is tried again in the background.
func (o *once) finish(ctx context.Context, state string, result []byte, failure string) error {
	args := []any{o.owner, state, result, failure, o.retain.Milliseconds()}
	record := func() (recorded bool, err error) {
		err = lease.Bounded(ctx, func(ctx context.Context) (err error) {
			recorded, err = onceFinishScript.Run(ctx, o.manager.rdb, []string{oncePrefix + o.key}, args...).Bool()
			return err
		})
		return recorded, err
	}
	recorded, err := record()
	switch {
	case err != nil:
		o.manager.background.Repeat(lease.Limit(o.ttl), err, func() error { _, err := record(); return err })
		return fmt.Errorf("record the outcome: %w", err)
	case !recorded:
		return ErrLockLost
	}
	return nil
}

func (o *once) renew(ctx context.Context) (bool, error) {
	args := []any{o.owner, o.ttl.Milliseconds(), o.retain.Milliseconds()}
	return onceRenewScript.Run(ctx, o.manager.rdb, []string{oncePrefix + o.key}, args...).Bool()
}

// replay is the answer for a key that is not this caller's to run.
func (o *once) replay(reply []string) ([]byte, error) {
	switch reply[0] {
	case "reused":
		return nil, ErrKeyReused
	case "running":
		var times [2]time.Duration // until the lease ends, and since it began, if that is known
		for i, text := range reply[1:] {
			ms, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return nil, err
			}
			times[i] = time.Duration(ms) * time.Millisecond
		}
		return nil, &InProgressError{RetryAfter: times[0], Running: times[1]}
	case "failed":
		return []byte(reply[1]), &FinalError{message: reply[2]}
	}
	return []byte(reply[1]), nil
}
