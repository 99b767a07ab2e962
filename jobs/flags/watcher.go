package flags

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrClosed says that a watcher was closed.
var ErrClosed = errors.New("flags: the watcher is closed")

// DefaultRefresh is how often a watcher reads all flags again by default: it is notified of changes without that.
const DefaultRefresh = 30 * time.Second

// Bounds of the copy. What is beyond them is asked of Redis at each look.
const (
	maxFlags = 10_000
	maxUsers = 10_000 // of one set
)

// askLimit is how long a look waits for Redis where the copy has no answer.
const askLimit = time.Second

// WatchConfig is how a [Watcher] works. The zero value works.
type WatchConfig struct {
	// Refresh is how often all flags are read again, whether or not any changed. Defaults to DefaultRefresh.
	Refresh time.Duration

	// OnChange is called with the flags that have changed, after the copy has, OnStatus with every change of the
	// status. Both are called by the watcher, one at a time, and must return soon. Where one panics, that call is lost.
	OnChange func(flags []string)
	OnStatus func(status Status)
}

// Status is how far a watcher's copy can be trusted.
type Status struct {
	Ready bool      // all flags have been read once
	Stale bool      // changes may have been missed: Redis is away, or has been and all flags are being read again
	Since time.Time // since when it is so
	Err   error     // what went wrong last, if it is stale
}

// Watcher keeps a copy of all flags in the process. Looks at them cost no round trip. Every connected watcher is
// notified of a change at once, whichever program made it (CLIENT TRACKING in broadcast mode, which needs no
// configuration of the server; where it is forbidden, all flags are read each second). While Redis is away, the last
// known values hold, and decisions say that they are stale.
//
// It is safe for concurrent use. [Watcher.Close] ends it.
type Watcher struct {
	store *Store
	cfg   WatchConfig

	ctx        context.Context
	cancel     context.CancelFunc
	goroutines sync.WaitGroup
	wake       chan struct{} // there is something to read, or the links have changed
	ready      chan struct{} // closed when all flags have been read once

	mu       sync.RWMutex
	flags    map[string]copied
	segments map[string]Segment  // never changed, only replaced
	wanted   map[string]struct{} // flags to read again
	all      bool                // all are
	fresh    bool                // nothing was missed since all flags were last read
	readErr  error               // of the last reading
	down     map[string]error    // servers that send no changes now
	refused  bool                // a server forbids tracking
	round    chan struct{}       // closed after each reading
	status   Status
}

// Watch starts a watcher of the flags in rdb, a *redis.Client or a *redis.ClusterClient, which stays the caller's. It
// does not wait for Redis: [Watcher.Ready] does.
func Watch(rdb redis.UniversalClient, cfg WatchConfig) *Watcher {
	if cfg.Refresh <= 0 {
		cfg.Refresh = DefaultRefresh
	}
	w := &Watcher{
		store: New(rdb), cfg: cfg,
		wake: make(chan struct{}, 1), ready: make(chan struct{}), round: make(chan struct{}),
		flags: map[string]copied{}, wanted: map[string]struct{}{}, all: true,
		down:   map[string]error{"": errors.New("flags: not connected yet")},
		status: Status{Stale: true, Since: time.Now()},
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.goroutines.Go(w.connect)
	w.goroutines.Go(w.refresh)
	return w
}

// Close ends the watcher and waits for its goroutines. What it knows can still be asked for, and is stale.
func (w *Watcher) Close() {
	w.cancel()
	w.goroutines.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fresh, w.readErr = false, ErrClosed
	w.status = Status{Ready: w.status.Ready, Stale: true, Since: time.Now(), Err: ErrClosed}
}

// Ready waits until all flags have been read once.
func (w *Watcher) Ready(ctx context.Context) error {
	select {
	case <-w.ready:
		return nil
	default:
	}
	select {
	case <-w.ready:
		return nil
	case <-w.ctx.Done():
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("flags: not read yet: %w", errors.Join(ctx.Err(), w.Status().Err))
	}
}

// Status returns how far the copy can be trusted.
func (w *Watcher) Status() Status {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.status
}

// IsEnabled reports whether a flag is on for everyone.
func (w *Watcher) IsEnabled(ctx context.Context, flag string) bool { return w.Decide(ctx, flag, "").On }

// IsEnabledForUser reports whether a flag is on for a user.
func (w *Watcher) IsEnabledForUser(ctx context.Context, flag, user string) bool {
	return w.Decide(ctx, flag, user).On
}

// Variant returns the name of the variant that a user has of a flag, or "".
func (w *Watcher) Variant(ctx context.Context, flag, user string) string {
	return w.Decide(ctx, flag, user).Variant
}

// Decide says what a flag is for a user, or for nobody in particular if user is empty, and why; see [Watcher.Evaluate].
func (w *Watcher) Decide(ctx context.Context, flag, user string) Decision {
	return w.Evaluate(ctx, flag, Subject{User: user})
}

// Evaluate says what a flag is for a subject, and why. It answers from the copy. Only a flag that the copy does not
// have, because another program set it before this watcher began, and a list of more than 10,000 users are asked of
// Redis, which takes up to a second; without an answer the flag is off.
func (w *Watcher) Evaluate(ctx context.Context, flag string, subject Subject) Decision {
	if err := checkFlag(flag); err != nil {
		return Decision{Reason: Unknown, Err: fmt.Errorf("flags: %w", err)}
	}
	d, missing, fresh := w.evaluate(flag, subject)
	switch {
	case missing == "" || !fresh:
		d.Stale = !fresh
		return d
	case missing != askRedis && w.want(ctx, missing):
		return w.Evaluate(ctx, flag, subject)
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	d, err := w.store.Evaluate(ctx, flag, subject)
	if err != nil {
		return Decision{Reason: Unknown, Stale: true, Err: err}
	}
	return d
}

// askRedis stands for a flag that the copy has without all of its users; no flag has such a name.
const askRedis = " "

// evaluate decides from the copy. It names a flag that the copy lacks.
func (w *Watcher) evaluate(flag string, subject Subject) (d Decision, missing string, fresh bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	e := &evaluation{subject: subject, now: time.Now(), segments: w.segments}
	e.flag = func(name string) (record, listed) {
		c, known := w.flags[name]
		switch {
		case !known && missing == "":
			missing = name
		case known && c.asksFor(subject.User):
			missing = askRedis
			return c.record, listed{}
		}
		return c.record, listed{on: c.usersOn.has(subject.User), off: c.usersOff.has(subject.User)}
	}
	d = e.decide(flag, 0)
	return d, missing, w.fresh
}

// asksFor reports whether only Redis knows if the user is on a list of the flag.
func (c copied) asksFor(user string) bool {
	return user != "" && (c.usersOn.large() || c.usersOff.large())
}

// want has a flag read into the copy and waits until it is there. It reports false if it did not get there: the copy is
// full, or Redis takes too long.
func (w *Watcher) want(ctx context.Context, flag string) bool {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	for {
		w.mu.Lock()
		_, known := w.flags[flag]
		if known || !w.fresh || len(w.flags) >= maxFlags {
			w.mu.Unlock()
			return known
		}
		w.wanted[flag] = struct{}{}
		round := w.round
		w.mu.Unlock()
		w.poke()
		select {
		case <-round:
		case <-ctx.Done():
			return false
		case <-w.ctx.Done():
			return false
		}
	}
}
