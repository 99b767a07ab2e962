package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/lockmgr"
)

// GetOrLoad returns the entry at key, or what load returns for it, which is then cached.
//
// However many ask, in however many processes, one load of a key runs at a time, and the others wait for its value;
// each until its own ctx ends, which is the error then. A loader that dies is succeeded after [Config.Lease]. The
// context of load has the values of one caller's ctx; it ends after [Config.LoadTimeout], when nobody waits any more,
// and when the lease is lost. A loader that has not returned by then is given up: those who wait get an error that is
// context.DeadlineExceeded, the next caller begins another load, and what the late one returns is dropped. It goes on
// on its goroutine, as Go cannot stop it. An error of load is everybody's who waits in this process, and is not cached,
// except [ErrNotFound], and by choice for a moment, see [ErrorTTL]. A panic is an error, and so is a loader that ends
// its goroutine. An entry that cannot be decoded is reported and loaded anew.
//
// An entry near its expiry is refreshed in the background by some reader, see [Config.Beta]; a stale one is returned
// while it is, see [StaleFor]; a refresh that fails is reported. When Redis is away, each process loads for itself.
func GetOrLoad[T any](
	ctx context.Context, c *Cache, key string, load func(context.Context) (T, error), opts ...Option,
) (T, error) {
	s, err := newSource(c, key, load, opts)
	if err != nil {
		return *new(T), fmt.Errorf("cache: get or load %s: %w", key, err)
	}
	raw, err := c.getOrLoad(ctx, s)
	return decode[T](key, raw, err)
}

// Reload runs load and caches what it returns, whether the key is cached or not. Until then readers get what there was.
// It waits for a load that is under way, and is otherwise as [GetOrLoad].
func Reload[T any](
	ctx context.Context, c *Cache, key string, load func(context.Context) (T, error), opts ...Option,
) (T, error) {
	s, err := newSource(c, key, load, opts)
	if err != nil {
		return *new(T), fmt.Errorf("cache: reload %s: %w", key, err)
	}
	raw, err := c.flights.do(ctx, "reload "+key, c.config.LoadTimeout, func(ctx context.Context) ([]byte, error) {
		return c.load(ctx, s, c.fill)
	})
	if err == nil {
		c.flights.succeed(key)
	}
	return decode[T](key, raw, err)
}

func decode[T any](key string, raw []byte, err error) (T, error) {
	var value T
	if err == nil {
		err = unmarshal(raw, &value)
	}
	if err != nil {
		return *new(T), fmt.Errorf("cache: load %s: %w", key, err)
	}
	return value, nil
}

// source is where an entry comes from.
type source struct {
	key     string
	load    loadFunc
	valid   func(raw []byte) error
	options entryOptions
}

func newSource[T any](c *Cache, key string, load func(context.Context) (T, error), opts []Option) (source, error) {
	o, err := c.options(key, opts)
	if err == nil && load == nil {
		err = fmt.Errorf("%w: no loader", ErrInvalid)
	}
	s := source{key: key, options: o}
	s.valid = func(raw []byte) error { var probe T; return unmarshal(raw, &probe) }
	s.load = c.flights.guarded(func(ctx context.Context) ([]byte, error) {
		value, err := load(ctx)
		if err != nil {
			return nil, err
		}
		return json.Marshal(value)
	})
	return s, err
}

func (c *Cache) getOrLoad(ctx context.Context, s source) ([]byte, error) {
	e, err := c.read(ctx, s.key)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		c.config.Report(err)
		return c.loadOnce(ctx, s, s.load)
	}
	age, usable := c.usable(e, s, c.config.Report)
	switch {
	case e.meta.Missing && age != stale:
		return nil, ErrNotFound
	case !usable:
		return c.loadOnce(ctx, s, func(ctx context.Context) ([]byte, error) { return c.load(ctx, s, c.loadLocked) })
	case age != fresh:
		c.refreshBehind(ctx, s.key, e.meta, func(ctx context.Context, lock *lockmgr.Lock) error {
			_, err := c.fill(ctx, lock, s)
			return err
		})
	}
	return e.raw, nil
}

// loadOnce runs one load of the key in this process, or returns the error that is kept of the last.
func (c *Cache) loadOnce(ctx context.Context, s source, load loadFunc) ([]byte, error) {
	if err := c.flights.failure(s.key, c.config.Now()); err != nil {
		return nil, err
	}
	return c.flights.do(ctx, s.key, c.config.LoadTimeout, func(ctx context.Context) ([]byte, error) {
		raw, err := load(ctx)
		abandoned := errors.Is(ctx.Err(), context.Canceled) // by those who waited: not the loader's fault
		if now := c.config.Now(); err != nil && s.options.errorTTL > 0 && !errors.Is(err, ErrNotFound) && !abandoned {
			c.flights.fail(s.key, err, now, now.Add(s.options.errorTTL))
		}
		return raw, err
	})
}

// usable returns how old an entry is and whether it has a value to be served. The value that is not is reported.
func (c *Cache) usable(e entry, s source, report func(error)) (freshness, bool) {
	age := c.freshness(e.meta)
	if e.raw == nil {
		return age, false
	}
	if err := s.valid(e.raw); err != nil {
		report(fmt.Errorf("cache: damaged entry %s: %w", s.key, err))
		return age, false
	}
	return age, true
}

type lockedLoad func(context.Context, *lockmgr.Lock, source) ([]byte, error)

// load waits until this process may load the key, and then does it. Who loses the lock on the way begins again.
func (c *Cache) load(ctx context.Context, s source, locked lockedLoad) ([]byte, error) {
	for {
		lock, err := c.locks.Acquire(ctx, lockPrefix+s.key, lockmgr.TTL(c.config.Lease))
		switch {
		case ctx.Err() != nil && err != nil:
			return nil, context.Cause(ctx)
		case err != nil: // Redis is away: better twice than not at all
			c.config.Report(err)
			return s.load(ctx)
		}
		raw, err := locked(ctx, lock, s)
		lost := errors.Is(context.Cause(lock.Context()), lockmgr.ErrLockLost)
		c.release(ctx, lock)
		if err == nil || !lost || ctx.Err() != nil {
			return raw, err
		}
	}
}

// loadLocked looks again, because others may have loaded during the wait for the lock.
//
// Why: docs/decisions/features.md#a-load-holds-a-lock-of-lockmgr-and-a-mark-beside-the-key
func (c *Cache) loadLocked(ctx context.Context, lock *lockmgr.Lock, s source) ([]byte, error) {
	if e, err := c.read(ctx, s.key); err == nil {
		age, usable := c.usable(e, s, func(error) {})
		switch {
		case e.meta.Missing && age != stale:
			return nil, ErrNotFound
		case usable && age != stale:
			return e.raw, nil
		}
	}
	return c.fill(ctx, lock, s)
}

// fill runs the loader under the lock and stores what it returns. That it cannot be stored is not the callers' problem.
func (c *Cache) fill(ctx context.Context, lock *lockmgr.Lock, s source) ([]byte, error) {
	token, err := c.begin(ctx, s.key, s.options)
	if err != nil {
		c.config.Report(err)
	}
	ctx, end := within(ctx, lock)
	defer end()
	began := time.Now()
	raw, err := s.load(ctx)
	e := c.newEntry(raw, time.Since(began), s.options)
	switch {
	case errors.Is(err, ErrNotFound): // also drops a stale value
		e = entry{meta: meta{Missing: true}}
	case err != nil:
		return nil, err
	}
	if token != "" {
		if _, storeErr := c.store(ctx, s.key, token, e, s.options); storeErr != nil {
			c.config.Report(storeErr)
		}
	}
	return raw, err
}

// within is ctx until the lock is lost.
func within(ctx context.Context, lock *lockmgr.Lock) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(lock.Context(), func() { cancel(context.Cause(lock.Context())) })
	return ctx, func() { stop(); cancel(nil) }
}

// release lets go of a lock. One that was lost, or that cannot be released, ends by itself.
func (c *Cache) release(ctx context.Context, lock *lockmgr.Lock) {
	if err := lock.Release(ctx); err != nil && !errors.Is(err, lockmgr.ErrLockLost) {
		c.config.Report(err)
	}
}
