package lockmgr

import (
	"fmt"
	"time"
)

// DefaultTTL is how long a lock keeps others out when its holder died, unless [TTL] says otherwise: 10 s.
const DefaultTTL = 10 * time.Second

// MinTTL is the shortest [TTL] and the shortest [Retain], 100 ms: a shorter one would end during an ordinary pause of
// the network or the process.
const MinTTL = 100 * time.Millisecond

// DefaultRetain is how long [Manager.Once] keeps a result unless [Retain] says otherwise: 24 hours.
const DefaultRetain = 24 * time.Hour

// Option changes one lock, semaphore or call of [Manager.Once].
type Option func(*options)

type options struct {
	ttl    time.Duration
	retain time.Duration
	fair   bool
}

// TTL is how long others are kept out if the holder dies. While it lives, the lock is renewed at each third of it.
// Defaults to [DefaultTTL]; less than [MinTTL] is [ErrInvalid]. Redis counts in whole milliseconds.
func TTL(d time.Duration) Option { return func(o *options) { o.ttl = d } }

// Fair lets waiters have a lock in the order in which they came, first come, first served. It holds among the callers
// that ask for it, of [Manager.Acquire] and [Manager.Do]; a caller that does not may come in between. A waiter that
// died is skipped after 3 s. With a semaphore, a readers-writer lock or Once it is [ErrInvalid].
func Fair() Option { return func(o *options) { o.fair = true } }

// Retain is how long [Manager.Once] keeps a result for callers that ask again. Defaults to [DefaultRetain]; less than
// [MinTTL] is [ErrInvalid]. Locks ignore it.
func Retain(d time.Duration) Option { return func(o *options) { o.retain = d } }

func newOptions(opts []Option) (options, error) {
	o := options{ttl: DefaultTTL, retain: DefaultRetain}
	for _, opt := range opts {
		if opt == nil {
			return o, fmt.Errorf("%w: nil option", ErrInvalid)
		}
		opt(&o)
	}
	switch {
	case o.ttl < MinTTL:
		return o, fmt.Errorf("%w: TTL %s must be at least %s", ErrInvalid, o.ttl, MinTTL)
	case o.retain < MinTTL:
		return o, fmt.Errorf("%w: Retain %s must be at least %s", ErrInvalid, o.retain, MinTTL)
	}
	return o, nil
}
