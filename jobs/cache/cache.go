package cache

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/lockmgr"
)

// Errors a caller can act on. They come wrapped, so find them with errors.Is.
var (
	// ErrMiss says that nothing is cached at the key.
	ErrMiss = errors.New("not cached")

	// ErrNotFound is what a loader returns for what does not exist; that is then remembered for [MissTTL].
	ErrNotFound = errors.New("not found")

	// ErrInvalid says that the arguments make no sense: an empty key, a TTL below 1 ms.
	ErrInvalid = errors.New("invalid argument")

	// ErrClosed says that the cache was closed.
	ErrClosed = errors.New("cache is closed")
)

// Config says how entries are kept. The zero value works.
type Config struct {
	TTL         time.Duration // how long an entry is fresh. Defaults to [DefaultTTL]
	MissTTL     time.Duration // how long "does not exist" is remembered; negative: not. Defaults to [DefaultMissTTL]
	LoadTimeout time.Duration // what a loader gets. Defaults to [DefaultLoadTimeout]
	Lease       time.Duration // others take over from a loader that died after it; 100 ms or more. Or [DefaultLease]
	Jitter      float64       // part of the TTL taken off at random, below 1; negative: none. Or [DefaultJitter]
	Beta        float64       // XFetch's: above 1 refreshes earlier, negative never early. Defaults to [DefaultBeta]

	Report func(error)      // called for what was survived: no Redis, damaged entries, failed refreshes. Optional
	Now    func() time.Time // Defaults to time.Now
	Rand   func() float64   // in [0, 1). Defaults to math/rand/v2
}

func (c Config) withDefaults() Config {
	c.TTL = cmp.Or(c.TTL, DefaultTTL)
	c.MissTTL = cmp.Or(c.MissTTL, DefaultMissTTL)
	c.LoadTimeout = cmp.Or(c.LoadTimeout, DefaultLoadTimeout)
	c.Lease = cmp.Or(c.Lease, DefaultLease)
	c.Jitter = min(max(0, cmp.Or(c.Jitter, DefaultJitter)), 0.99)
	if math.IsNaN(c.Jitter) || math.IsNaN(c.Beta) {
		c.Jitter, c.Beta = DefaultJitter, DefaultBeta
	}
	c.Beta = cmp.Or(c.Beta, DefaultBeta)
	c.Report = guardReport(c.Report)
	c.Now = guardFunc(c.Now, time.Now)
	c.Rand = guardFunc(c.Rand, rand.Float64)
	return c
}

// Cache is a cache in Redis. It is safe for concurrent use.
//
// Beside an entry's value, {<key>}:meta has its logical expiry, how long it took to load, and the length and CRC-32C of
// the value it describes; alone, it says that the thing does not exist. {<key>}:loading exists while the entry is being
// loaded: whoever invalidates the entry deletes it, and what was loaded is then not stored.
type Cache struct {
	rdb     redis.UniversalClient
	config  Config
	locks   *lockmgr.Manager
	flights *flights
}

// New returns a cache in rdb. The client remains the caller's to close, after [Cache.Close].
func New(rdb redis.UniversalClient, config Config) *Cache {
	return &Cache{rdb: rdb, config: config.withDefaults(), locks: lockmgr.New(rdb), flights: newFlights()}
}

// Close cancels the loads and refreshes that run in the background and waits for them; for loaders that ignore it, no
// longer than [Config.LoadTimeout]. A cache on which nothing was ever loaded holds nothing to close. Closing twice is
// harmless.
func (c *Cache) Close() {
	c.flights.close(c.config.LoadTimeout)
	c.locks.Close()
}

// Get decodes the entry at key into value, a pointer, as encoding/json does. It returns [ErrMiss] if there is none or
// if it cannot be decoded (which is reported), and [ErrNotFound] if it is known not to exist. A stale entry is an
// entry.
func (c *Cache) Get(ctx context.Context, key string, value any) error {
	if err := checkKey(key); err != nil {
		return fmt.Errorf("cache: get: %w", err)
	}
	entry, err := c.read(ctx, key)
	switch {
	case err != nil:
		return err
	case entry.meta.Missing:
		return fmt.Errorf("cache: get %s: %w", key, ErrNotFound)
	case entry.raw == nil:
		return fmt.Errorf("cache: get %s: %w", key, ErrMiss)
	}
	if err := unmarshal(entry.raw, value); err != nil {
		c.config.Report(fmt.Errorf("cache: damaged entry %s: %w", key, err))
		return fmt.Errorf("cache: get %s: %w", key, ErrMiss)
	}
	return nil
}

// Set stores value as JSON at key. A load of the same key that is under way does not overwrite it.
func (c *Cache) Set(ctx context.Context, key string, value any, opts ...Option) error {
	o, err := c.options(key, opts)
	if err != nil {
		return fmt.Errorf("cache: set: %w", err)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("cache: set %s: %w", key, err)
	}
	return c.put(ctx, key, raw, o)
}

// put stores what was not loaded here. With tags it is a load like any other: the mark goes first, then the index.
func (c *Cache) put(ctx context.Context, key string, raw []byte, o entryOptions) error {
	if len(o.tags) == 0 {
		_, err := c.store(ctx, key, "", c.newEntry(raw, 0, o), o)
		return err
	}
	token, err := c.begin(ctx, key, o)
	if err != nil {
		return err
	}
	_, err = c.store(ctx, key, token, c.newEntry(raw, 0, o), o)
	return err
}

// Delete removes entries. What is being loaded at this moment is not stored. Deleting what is not there is no error.
func (c *Cache) Delete(ctx context.Context, keys ...string) error {
	_, err := c.remove(ctx, keys)
	return err
}

// remove deletes entries with their companions, in one round trip for each slot's node, and counts those that held
// something: a value, or the memory of a miss.
func (c *Cache) remove(ctx context.Context, keys []string) (int64, error) {
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return 0, fmt.Errorf("cache: delete: %w", err)
		}
		c.flights.invalidate(key)
	}
	if len(keys) == 0 {
		return 0, nil
	}
	commands, err := c.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, key := range keys {
			pipe.Unlink(ctx, key, metaKey(key), loadingKey(key))
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("cache: delete: %w", err)
	}
	removed := int64(0)
	for _, command := range commands {
		if unlink, ok := command.(*redis.IntCmd); ok && unlink.Val() > 0 {
			removed++
		}
	}
	return removed, nil
}
