package cache

import (
	"fmt"
	"time"
)

// How long things last unless a [Config] or an [Option] says otherwise.
const (
	DefaultTTL         = time.Hour
	DefaultMissTTL     = 30 * time.Second
	DefaultLoadTimeout = 30 * time.Second
	DefaultLease       = 2 * time.Second
	DefaultJitter      = 0.1
	DefaultBeta        = 1.0
)

// maxTTL bounds every time span of an entry; beyond it is a mistake in the unit.
const maxTTL = 366 * 24 * time.Hour

// Option changes how one entry is kept.
type Option func(*entryOptions)

type entryOptions struct {
	ttl      time.Duration
	staleFor time.Duration
	missTTL  time.Duration
	errorTTL time.Duration
	tags     []string
}

// TTL is how long an entry is fresh, 1 ms to 366 days. Up to a tenth less is used, at random, see [Config.Jitter].
// Defaults to [Config.TTL].
func TTL(d time.Duration) Option { return func(o *entryOptions) { o.ttl = d } }

// StaleFor is how long after its TTL an entry may still be served while one process loads it anew, or while the
// loader fails. Programs that read the key with a bare GET see the stale value as well. Defaults to 0: not at all.
func StaleFor(d time.Duration) Option { return func(o *entryOptions) { o.staleFor = d } }

// MissTTL is how long it is remembered that the loader returned [ErrNotFound]; negative for not at all. Defaults to
// [Config.MissTTL].
func MissTTL(d time.Duration) Option { return func(o *entryOptions) { o.missTTL = d } }

// ErrorTTL is how long this process answers with the error of a failed load before it asks the loader again, up to a
// minute: for a source that is down, and that everybody asks for. Setting or deleting the entry ends it, and so does an
// entry that another process has loaded. Defaults to 0: each caller that did not wait for the failed load begins
// another.
func ErrorTTL(d time.Duration) Option { return func(o *entryOptions) { o.errorTTL = d } }

// Tags are names under which [Cache.InvalidateTags] finds the entry, 64 at the most.
func Tags(tags ...string) Option { return func(o *entryOptions) { o.tags = append(o.tags, tags...) } }

const maxTags = 64

func (c *Cache) options(key string, opts []Option) (entryOptions, error) {
	o := entryOptions{ttl: c.config.TTL, missTTL: c.config.MissTTL}
	for _, opt := range opts {
		opt(&o)
	}
	return o, o.validate(key)
}

func (o entryOptions) validate(key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	switch {
	case o.ttl < time.Millisecond || o.ttl > maxTTL:
		return fmt.Errorf("%w: TTL %s is not between 1 ms and %s", ErrInvalid, o.ttl, maxTTL)
	case o.staleFor < 0 || o.staleFor > maxTTL:
		return fmt.Errorf("%w: StaleFor %s is not between 0 and %s", ErrInvalid, o.staleFor, maxTTL)
	case o.missTTL > maxTTL:
		return fmt.Errorf("%w: MissTTL %s is longer than %s", ErrInvalid, o.missTTL, maxTTL)
	case o.errorTTL < 0 || o.errorTTL > maxErrorTTL:
		return fmt.Errorf("%w: ErrorTTL %s is not between 0 and %s", ErrInvalid, o.errorTTL, maxErrorTTL)
	case len(o.tags) > maxTags:
		return fmt.Errorf("%w: %d tags, at most %d", ErrInvalid, len(o.tags), maxTags)
	}
	for _, tag := range o.tags {
		if err := checkTag(tag); err != nil {
			return err
		}
	}
	return nil
}
