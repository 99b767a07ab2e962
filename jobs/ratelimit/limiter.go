package ratelimit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// DefaultTimeout is how long a call waits for Redis unless [Options].Timeout says otherwise.
const DefaultTimeout = 100 * time.Millisecond

// MaxKey is the longest key, in bytes.
const MaxKey = 1024

// ErrUnavailable says that Redis did not decide in time. The error that caused it is wrapped beside it.
var ErrUnavailable = errors.New("limit cannot be checked")

// Options say what happens when Redis is away. The zero value refuses after [DefaultTimeout].
type Options struct {
	Timeout  time.Duration // how long a call waits for Redis. Defaults to [DefaultTimeout]
	FailOpen bool          // allow calls that Redis did not decide on, rather than refuse them
}

// Limiter holds callers to a limit, each key for itself. It is safe for concurrent use and needs no closing.
type Limiter struct {
	rdb     redis.Scripter
	deleter redis.Cmdable
	limit   Limit
	options Options
	form    form
	args    []any        // of the script, beyond the number of calls
	ahead   atomic.Int64 // microseconds by which the clock of Redis is before ours, as far as we know

	allowed, refused, failedOpen, failedClosed atomic.Int64
}

// New returns a limiter, or [ErrInvalid] for a limit that makes no sense.
//
// The timeout holds for a *redis.Client. A *redis.ClusterClient keeps it if it was made with ContextTimeoutEnabled;
// without, a server that hangs is given up after the client's own ReadTimeout.
func New(rdb redis.UniversalClient, limit Limit, options Options) (*Limiter, error) {
	limit = limit.withDefaults()
	if err := limit.validate(); err != nil {
		return nil, fmt.Errorf("ratelimit: %w", err)
	}
	if options.Timeout < 0 {
		return nil, fmt.Errorf("ratelimit: %w: timeout of %s", ErrInvalid, options.Timeout)
	}
	options.Timeout = cmp.Or(options.Timeout, DefaultTimeout)
	l := &Limiter{rdb: rdb, deleter: rdb, limit: limit, options: options, form: forms[limit.Algorithm]}
	if single, ok := rdb.(*redis.Client); ok {
		l.rdb = redisx.WithTimeout(single, options.Timeout) // the same pool, which ignores contexts by default
	}
	l.args = []any{limit.Rate, limit.Window.Microseconds()}
	if limit.Algorithm == GCRA {
		interval, units := limit.interval()
		l.args = []any{limit.Burst, interval, units}
	}
	return l, nil
}

// Result is what became of a call.
type Result struct {
	Allowed    bool
	Limit      int64         // the most calls that can be had at once: the rate, or the burst
	Remaining  int64         // calls that could be had now
	RetryAfter time.Duration // until such a call is allowed if nobody else comes; 0 if it was
	ResetAfter time.Duration // until the whole limit can be had again if nobody comes; 0 if it can
	At         time.Time     // when it was decided, by the clock of Redis, to the microsecond
	Degraded   bool          // Redis did not decide: Options.FailOpen did, and only Allowed and Limit are set
}

// Limit returns the limit, with its defaults.
func (l *Limiter) Limit() Limit { return l.limit }

// Allow takes one call.
func (l *Limiter) Allow(ctx context.Context, key string) (Result, error) {
	return l.AllowN(ctx, key, 1)
}

// AllowN takes n calls, all or none; 0 is [Limiter.Peek]. An empty key or one longer than [MaxKey], and an n that is
// negative or can never be allowed, are [ErrInvalid]. When Redis does not decide, and the options do not fail open, the
// error is [ErrUnavailable]; when ctx ends first, it is that of ctx.
func (l *Limiter) AllowN(ctx context.Context, key string, n int64) (Result, error) {
	if err := l.check(key, n); err != nil {
		return Result{}, err
	}
	result, err := l.decide(ctx, key, n)
	switch {
	case ctx.Err() != nil && err != nil:
		return Result{Limit: l.limit.most()}, fmt.Errorf("ratelimit: %w", err)
	case err != nil && l.options.FailOpen:
		l.failedOpen.Add(1)
		return Result{Allowed: true, Limit: l.limit.most(), Degraded: true}, nil
	case err != nil:
		l.failedClosed.Add(1)
		return Result{Limit: l.limit.most()}, fmt.Errorf("ratelimit: %w: %w", ErrUnavailable, err)
	case n > 0 && result.Allowed:
		l.allowed.Add(1)
	case n > 0:
		l.refused.Add(1)
	}
	return result, nil
}

// Peek returns what would become of one call, and takes none.
func (l *Limiter) Peek(ctx context.Context, key string) (Result, error) { return l.AllowN(ctx, key, 0) }

// Reset forgets the calls of a key: the whole limit can be had again. It waits for Redis as long as ctx allows.
func (l *Limiter) Reset(ctx context.Context, key string) error {
	if err := l.check(key, 0); err != nil {
		return err
	}
	name := l.form.prefix + key
	if l.limit.Algorithm == FixedWindow {
		now, err := l.deleter.Time(ctx).Result()
		if err != nil {
			return fmt.Errorf("ratelimit: reset: %w", err)
		}
		name = l.windowKey(key, l.windowAt(now.UnixMicro()))
	}
	if err := l.deleter.Del(ctx, name).Err(); err != nil {
		return fmt.Errorf("ratelimit: reset: %w", err)
	}
	return nil
}

// Stats are the outcomes of a limiter's calls since it was made, in this process. Looks are counted only if they
// failed.
type Stats struct {
	Allowed, Refused         int64 // decided by Redis
	FailedOpen, FailedClosed int64 // allowed or refused because Redis did not decide
}

// Stats returns the outcomes so far.
func (l *Limiter) Stats() Stats {
	return Stats{
		Allowed: l.allowed.Load(), Refused: l.refused.Load(),
		FailedOpen: l.failedOpen.Load(), FailedClosed: l.failedClosed.Load(),
	}
}

func (l *Limiter) check(key string, n int64) error {
	switch {
	case key == "":
		return fmt.Errorf("ratelimit: %w: key must not be empty", ErrInvalid)
	case len(key) > MaxKey:
		return fmt.Errorf("ratelimit: %w: key of %d bytes, at most %d", ErrInvalid, len(key), MaxKey)
	case n < 0 || n > l.limit.most():
		return fmt.Errorf("ratelimit: %w: %d calls at once, at most %d", ErrInvalid, n, l.limit.most())
	}
	return nil
}

// decide asks Redis, for as long as the options allow.
//
// Why: docs/decisions/features.md#a-limit-fails-closed-unless-configured-otherwise
func (l *Limiter) decide(ctx context.Context, key string, n int64) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, l.options.Timeout)
	defer cancel()
	ask := l.ask
	if l.limit.Algorithm == FixedWindow {
		ask = l.askFixed
	}
	reply, err := ask(ctx, key, n)
	if err != nil {
		return Result{}, err
	}
	return l.result(reply), nil
}

// result reads a script's reply.
//
// Why: docs/decisions/features.md#limits-count-in-whole-microseconds-of-redis-clock-and-store-seconds
func (l *Limiter) result(reply []int64) Result {
	return Result{
		Allowed:    reply[0] == 1,
		Limit:      l.limit.most(),
		Remaining:  reply[1],
		RetryAfter: time.Duration(reply[2]) * time.Microsecond,
		ResetAfter: time.Duration(reply[3]) * time.Microsecond,
		At:         time.UnixMicro(reply[4]).UTC(),
	}
}

// replySize is how many numbers each script replies.
const replySize = 5

// Why: docs/decisions/features.md#a-refused-call-writes-nothing
func (l *Limiter) ask(ctx context.Context, key string, n int64) ([]int64, error) {
	return l.run(ctx, l.form.prefix+key, n)
}

func (l *Limiter) run(ctx context.Context, name string, n int64, more ...any) ([]int64, error) {
	args := append(append([]any{n}, l.args...), more...)
	reply, err := l.form.script.Run(ctx, l.rdb, []string{name}, args...).Int64Slice()
	if err == nil && len(reply) != replySize {
		err = fmt.Errorf("%d numbers in the reply, want %d", len(reply), replySize)
	}
	return reply, err
}
