package analytics

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// CountedFor is how long a counted event is remembered, by its ID, so that it is not counted again.
const CountedFor = time.Hour

// ErrInvalid says that an event cannot be counted: it has no name.
var ErrInvalid = errors.New("invalid event")

//go:embed lua/count.lua
var countSource string

var countScript = redis.NewScript(countSource)

// Counter counts events in Redis. It is safe for concurrent use and needs no closing.
type Counter struct {
	rdb redis.UniversalClient
}

// New returns a counter of events in rdb.
func New(rdb redis.UniversalClient) *Counter { return &Counter{rdb: rdb} }

// Count counts an event and its user on the day of event.At, in one round trip. A second call with the same id within
// [CountedFor] counts nothing. An event without a name is [ErrInvalid].
func (c *Counter) Count(ctx context.Context, id string, event Track) error {
	if event.Event == "" {
		return fmt.Errorf("analytics: %w: event is empty", ErrInvalid)
	}
	err := c.send(ctx, id, event)
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		if err = countScript.Load(ctx, c.rdb).Err(); err == nil {
			err = c.send(ctx, id, event)
		}
	}
	if err != nil {
		return fmt.Errorf("analytics: count %s: %w", event.Event, err)
	}
	return nil
}

// send is one round trip; to send it twice does no harm.
func (c *Counter) send(ctx context.Context, id string, event Track) error {
	keys := keysOf(event.At)
	_, err := c.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		countScript.EvalSha(ctx, pipe, []string{keys.events(), keys.counted(id)}, event.Event, CountedFor.Milliseconds())
		if event.UserID != "" {
			pipe.SAdd(ctx, keys.users(), event.UserID)
		}
		return nil
	})
	return err
}

// Stats is what was counted on one day.
type Stats struct {
	Date        string           `json:"date"` // YYYY-MM-DD, UTC
	TotalEvents int64            `json:"total_events"`
	UniqueUsers int64            `json:"unique_users"`
	Events      map[string]int64 `json:"events"`
}

// Stats returns what was counted on the day of t, in UTC. It reads one field for each name of an event.
func (c *Counter) Stats(ctx context.Context, t time.Time) (Stats, error) {
	keys := keysOf(t)
	stats := Stats{Date: keys.day, Events: map[string]int64{}}
	var events *redis.MapStringStringCmd
	var users *redis.IntCmd
	_, err := c.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		events, users = pipe.HGetAll(ctx, keys.events()), pipe.SCard(ctx, keys.users())
		return nil
	})
	if err != nil {
		return Stats{}, fmt.Errorf("analytics: stats of %s: %w", keys.day, err)
	}
	stats.UniqueUsers = users.Val()
	for event, count := range events.Val() {
		n, err := strconv.ParseInt(count, 10, 64)
		if err != nil {
			return Stats{}, fmt.Errorf("analytics: stats of %s: %s: %w", keys.day, event, err)
		}
		stats.Events[event] = n
		stats.TotalEvents += n
	}
	return stats, nil
}

// dayKeys builds the keys of one day.
type dayKeys struct{ day string }

func keysOf(t time.Time) dayKeys { return dayKeys{day: t.UTC().Format(time.DateOnly)} }

func (k dayKeys) events() string           { return "analytics:events:" + k.day }
func (k dayKeys) users() string            { return "analytics:users:" + k.day }
func (k dayKeys) counted(id string) string { return "{" + k.events() + "}:counted:" + id }
