package dashboard

import (
	"cmp"
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/navvy-go/navvy/queue/inspect"
)

const (
	cacheFresh   = time.Second // two browsers that ask within it are shown the same
	cacheEntries = 2048        // readings that are shown while Redis does not answer
	cacheBytes   = 32 << 20    // of them all, about
	cacheMost    = 4 << 20     // of one: a larger one is not kept
	cacheTenant  = 2 << 20     // of all of one tenant
	readLimit    = 5 * time.Second
	slowReading  = 200 * time.Millisecond // what takes longer is shown for a second more while it is read anew
	aheadReading = slowReading / 4        // what took longer is read anew before it is old
)

// cache keeps what was read for each address, so that a page costs Redis the same for one browser and for many, and so
// that there is something to show while Redis does not answer. The zero value is ready.
type cache struct {
	flight singleflight.Group
	most   int // bytes; 0 for cacheBytes

	mu     sync.Mutex
	seen   map[string]cached
	bytes  int
	closed bool
	beside map[string]bool // what is read beside requests
	again  sync.WaitGroup
}

// costly is data that is too much work for Redis to be read every second.
type costly interface{ FreshFor() time.Duration }

// cached is what was read for an address.
type cached struct {
	data    any
	at      time.Time // when the reading began: what was read first is as old
	until   time.Time // it is fresh
	arrived time.Time // when the reading ended
	stale   bool      // a person has acted since
	bytes   int       // in memory, about
	took    time.Duration
	err     error // why it could not be read again since
}

// get returns what load returned, when it was called within the last second, or longer if that is [costly], and calls
// load otherwise. If load fails, the result is what was read before, if anything, with the error. What takes a while to
// read is read anew beside a request that comes shortly before it is old, so that later ones need not wait.
func (c *cache) get(
	ctx context.Context, key string, now func() time.Time, load func(context.Context) (any, error),
) cached {
	return c.getIn(ctx, nil, key, now, load)
}

// getIn is get for a page of a user, who needs a turn for what is not there. What took long to read is shown for a
// second more while it is read anew, unless that has failed: that Redis is away must not stay unseen. Not so the parts
// of a page, whose ages would add up.
func (c *cache) getIn(
	ctx context.Context, in *turn, key string, now func() time.Time, load func(context.Context) (any, error),
) cached {
	c.mu.Lock()
	last, known := c.seen[key]
	c.mu.Unlock()
	if known && !last.stale && now().Before(last.until) && !last.isSoonOld(now()) {
		return last
	}
	// The first caller reads for all that wait, so the reading does not end with its request.
	read := func() (any, error) {
		began, at := time.Now(), now()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readLimit)
		defer cancel()
		ctx, of := inspect.Measured(ctx)
		data, err := load(ctx)
		in.charge(of.Bytes())
		if err != nil {
			c.expireOne(key)
			return cached{data: last.data, at: last.at, err: err}, nil
		}
		keep := cacheFresh
		if expensive, ok := data.(costly); ok {
			keep = max(keep, expensive.FreshFor())
		}
		fresh := cached{data: data, at: at, until: at.Add(keep), arrived: now(), bytes: sizeOf(data) + len(key)}
		fresh.took = time.Since(began)
		c.keep(key, fresh)
		return fresh, nil
	}
	switch usable := known && !last.stale; {
	case usable && now().Before(last.until):
		c.readAgain(in, key, read)
		return last
	case usable && in != nil && last.isLately(now()):
		return soon(last, c.readAgain(in, key, read))
	}
	if err := in.wait(ctx); err != nil {
		return cached{data: last.data, at: last.at, err: err}
	}
	defer in.giveBack()
	got, _, _ := c.flight.Do(key, read)
	return got.(cached)
}

// isLately reports whether it was fresh within the last second, or came then.
func (l cached) isLately(now time.Time) bool {
	return now.Before(l.until.Add(cacheFresh)) || now.Before(l.arrived.Add(cacheFresh))
}

// isSoonOld reports whether what took a while to read is to be read anew, so that it is there in time.
func (l cached) isSoonOld(now time.Time) bool {
	lead := min(2*l.took, l.until.Sub(l.at)/2)
	return l.took >= aheadReading && !now.Before(l.until.Add(-lead))
}

// soon is what is read anew, or what was read before if that takes long.
func soon(last cached, again <-chan cached) cached {
	if last.took >= slowReading {
		return last
	}
	late := time.NewTimer(slowReading)
	defer late.Stop()
	select {
	case fresh, ok := <-again:
		if ok {
			return fresh
		}
	case <-late.C:
	}
	return last
}

// readAgain reads beside the request that wants it. If the user has no turn, a later request reads it. A page that
// panics does not end the program, as it would not in a request; the next request that waits for it panics itself.
func (c *cache) readAgain(in *turn, key string, read func() (any, error)) <-chan cached {
	again := make(chan cached, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.beside[key] || !in.try() {
		close(again)
		return again
	}
	if c.beside == nil {
		c.beside = map[string]bool{}
	}
	c.beside[key] = true
	c.again.Go(func() {
		defer close(again)
		defer c.ended(in, key)
		defer func() { _ = recover() }()
		got, _, _ := c.flight.Do(key, read)
		again <- got.(cached)
	})
	return again
}

func (c *cache) ended(in *turn, key string) {
	in.giveBack()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.beside, key)
}

// close waits for what is read beside requests.
func (c *cache) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.again.Wait()
}

func (c *cache) keep(key string, fresh cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]cached{}
	}
	c.drop(key)
	most := cmp.Or(c.most, cacheBytes)
	if fresh.bytes > min(cacheMost, most) {
		return
	}
	c.seen[key] = fresh
	c.bytes += fresh.bytes
	for len(c.seen) > cacheEntries || c.bytes > most {
		oldest := key
		for k, other := range c.seen {
			if other.at.Before(c.seen[oldest].at) {
				oldest = k
			}
		}
		c.drop(oldest)
	}
}

func (c *cache) drop(key string) {
	c.bytes -= c.seen[key].bytes
	delete(c.seen, key)
}

// expireOne has one reading read anew before it is shown again.
func (c *cache) expireOne(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if seen, known := c.seen[key]; known {
		seen.stale = true
		c.seen[key] = seen
	}
}

// expire has everything read anew when it is next asked for: a person has acted.
func (c *cache) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, seen := range c.seen {
		seen.stale = true
		c.seen[key] = seen
	}
}
