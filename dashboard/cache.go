package dashboard

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	viewFresh = time.Second // two browsers that look within it see the same
	viewsKept = 256         // what was last seen of so many addresses is shown while Redis is away
	readLimit = 5 * time.Second
)

// views remembers what was read for each address, so that a page costs Redis the same however many look at it, and so
// that there is something to show while Redis does not answer. The zero value is ready.
type views struct {
	flight singleflight.Group

	mu   sync.Mutex
	seen map[string]view
}

// costly is what is too much work for Redis to be read every second.
type costly interface{ freshFor() time.Duration }

// view is what was read for an address.
type view struct {
	data  any
	at    time.Time
	until time.Time // it is fresh
	old   bool      // somebody has acted since
	err   error     // why it could not be read again since
}

// get returns what load returned within the last second, or longer where that is [costly], or calls it. Where load fails, the result is what was read
// before, if anything, and the error.
func (v *views) get(ctx context.Context, key string, now func() time.Time, load func(context.Context) (any, error)) view {
	v.mu.Lock()
	last, known := v.seen[key]
	v.mu.Unlock()
	if known && !last.old && now().Before(last.until) {
		return last
	}
	// The one who came first reads for all who wait, so that their leaving must not end it.
	read, _, _ := v.flight.Do(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readLimit)
		defer cancel()
		data, err := load(ctx)
		if err != nil {
			return view{data: last.data, at: last.at, err: err}, nil
		}
		keep := viewFresh
		if c, ok := data.(costly); ok {
			keep = max(keep, c.freshFor())
		}
		fresh := view{data: data, at: now(), until: now().Add(keep)}
		v.keep(key, fresh)
		return fresh, nil
	})
	return read.(view)
}

func (v *views) keep(key string, fresh view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.seen == nil {
		v.seen = map[string]view{}
	}
	v.seen[key] = fresh
	if len(v.seen) <= viewsKept {
		return
	}
	oldest := key
	for k, other := range v.seen {
		if other.at.Before(v.seen[oldest].at) {
			oldest = k
		}
	}
	delete(v.seen, oldest)
}

// forget makes everybody who looks next read anew: somebody has acted.
func (v *views) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, seen := range v.seen {
		seen.old = true
		v.seen[key] = seen
	}
}
