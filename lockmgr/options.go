package lockmgr

import (
	"fmt"
	"time"
)

// DefaultTTL is how long a lock keeps others out unless [TTL] says otherwise.
const DefaultTTL = 10 * time.Second

// MinTTL is the shortest [TTL]: a shorter one would end during an ordinary pause of the network or the process.
const MinTTL = 100 * time.Millisecond

// Option changes one call of [Manager.Acquire] or [Manager.TryAcquire].
type Option func(*options)

type options struct {
	ttl time.Duration
}

// TTL is how long the lock keeps others out if its holder dies. The holder must be done, or have given up, before it
// ends. Defaults to [DefaultTTL]; less than [MinTTL] is refused.
func TTL(d time.Duration) Option { return func(o *options) { o.ttl = d } }

func newOptions(opts []Option) (options, error) {
	o := options{ttl: DefaultTTL}
	for _, opt := range opts {
		opt(&o)
	}
	if o.ttl < MinTTL {
		return o, fmt.Errorf("TTL %s: must be at least %s", o.ttl, MinTTL)
	}
	return o, nil
}
