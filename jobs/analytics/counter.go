package analytics

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// CountedFor is how long a counted event is remembered, by its ID, so that it is not counted again: at least, unless
	// its job was acknowledged, which makes that impossible.
	CountedFor = 7 * 24 * time.Hour

	// FirstsFor is how long the first times of a day are kept for [Counter.Funnel].
	FirstsFor = 90 * 24 * time.Hour

	// MaxDays is the longest range. An event that is older has no day of its own, see [Counter.Far].
	MaxDays = 400

	// MaxAhead is how far an event may be in the future, where clocks differ; beyond, it has no day of its own.
	MaxAhead = 48 * time.Hour

	// FarFor is how long the counts are kept of events that are too far from now, after the last of them.
	FarFor = 90 * 24 * time.Hour

	// MaxName is the longest name of an event, and MaxUser the longest user ID, in bytes.
	MaxName = 256
	MaxUser = 512

	// MaxNames is how many names of events a day and a month have. What has another name is counted as [OtherEvents].
	MaxNames = 10_000

	// OtherEvents is the name under which those events are counted that have no room for their own.
	OtherEvents = "(other)"

	// MaxUsers is how many users may be looked at one by one: for an exact union, a funnel or a cohort.
	MaxUsers = 1_000_000

	// MaxSteps is the longest funnel.
	MaxSteps = 20
)

var (
	// ErrInvalid says that an event, a range or a funnel makes no sense: an event without a name, for example, or with
	// one that is too long.
	ErrInvalid = errors.New("invalid")

	// ErrTooMany says that there are more than [MaxUsers]. The estimate of a [Range] has no such bound.
	ErrTooMany = errors.New("too many users to look at one by one")
)

// Config configures a [Counter]. The zero value counts users exactly and as an estimate, and keeps no first times.
type Config struct {
	// Stream is where [Counter.Send] and [Counter.Track] put events. Defaults to [DefaultStream].
	Stream string

	// EstimateOnly keeps no set of each day's users, which takes some 60 bytes a user and day: unique users are then
	// known to within 1 % or so, and there are no cohorts.
	EstimateOnly bool

	// Steps are the events that [Counter.Funnel] may ask for. Of each user the first time of the day is kept, some 90
	// bytes for each user, day and step.
	Steps []string

	// Zone is the time zone whose days and months are counted. All programs that count, read, roll up and expire must
	// have the same. Defaults to UTC.
	Zone *time.Location

	Now func() time.Time // Defaults to time.Now
}

// Counter counts events in Redis. It is safe for concurrent use and needs no closing.
type Counter struct {
	rdb   redis.UniversalClient
	cfg   Config
	steps map[string]bool
	marks marks
}

// New returns a counter of events in rdb.
func New(rdb redis.UniversalClient, cfg Config) *Counter {
	cfg.Stream, cfg.Zone = cmp.Or(cfg.Stream, DefaultStream), cmp.Or(cfg.Zone, time.UTC)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Counter{rdb: rdb, cfg: cfg, steps: map[string]bool{}}
	for _, step := range cfg.Steps {
		c.steps[step] = true
	}
	return c
}

// Count counts an event and its user on the day of event.At, in one round trip. A second call with the same id within
// [CountedFor] counts nothing. An event that was more than [MaxDays] ago, or is more than [MaxAhead] to come, is
// counted without its day and user, see [Counter.Far]. An event without a name, or with a name or user that is too
// long, is [ErrInvalid].
func (c *Counter) Count(ctx context.Context, id string, event Track) error {
	return c.countBatch(ctx, []countable{{mark: id, event: event}})[0]
}
