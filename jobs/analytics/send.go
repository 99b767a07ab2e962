package analytics

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// Send puts an event on the raw stream, for a worker to count: one command. It is sent once: after an error the event
// may be in the stream or not.
func (c *Counter) Send(ctx context.Context, event Track) error {
	cmd, err := c.entry(ctx, event)
	if err == nil {
		err = c.rdb.Process(ctx, cmd)
	}
	if err != nil {
		return fmt.Errorf("analytics: send %s: %w", event.Event, err)
	}
	return nil
}

// Track does what the article's track_event does: it counts the event and its user at once, and puts the event on the
// raw stream. The entry says that it was counted, so analytics.track does not count it again; entries of the article's
// Python say nothing, and need their stream bound to analytics.tracked. Everything is sent once: after an error the
// event may be counted or not.
func (c *Counter) Track(ctx context.Context, event Track) error {
	if event.At.IsZero() {
		event.At = c.cfg.Now()
	}
	event.Counted = true
	add, err := c.entry(ctx, event)
	if err != nil {
		return fmt.Errorf("analytics: track %s: %w", event.Event, err)
	}
	day := c.placeOf(event.At)
	_, err = c.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		count := []any{"EVAL", nameScript.Text(), 1, day.events(), event.Event, MaxNames, OtherEvents}
		_ = pipe.Process(ctx, redisx.OnceCmd{Cmd: redis.NewCmd(ctx, count...)})
		if day == farAway {
			pipe.PExpire(ctx, day.events(), FarFor)
		} else if event.UserID != "" && !c.cfg.EstimateOnly {
			pipe.SAdd(ctx, day.users(), event.UserID)
		}
		return pipe.Process(ctx, add)
	})
	if err != nil {
		return fmt.Errorf("analytics: track %s: %w", event.Event, err)
	}
	return nil
}

// entry makes the XADD of an event, in the fields of the article.
func (c *Counter) entry(ctx context.Context, event Track) (redis.Cmder, error) {
	if err := event.check(); err != nil {
		return nil, err
	}
	at := event.At
	if at.IsZero() {
		at = c.cfg.Now()
	}
	metadata := []byte("{}")
	if len(event.Metadata) > 0 {
		var err error
		if metadata, err = json.Marshal(event.Metadata); err != nil {
			return nil, fmt.Errorf("%w: metadata: %w", ErrInvalid, err)
		}
	}
	args := []any{
		"XADD", c.cfg.Stream, "*", "event", event.Event, "user_id", event.UserID,
		"timestamp", strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64), "metadata", metadata,
	}
	if event.Counted {
		args = append(args, "counted", "1")
	}
	return redisx.OnceStringCmd{StringCmd: redis.NewStringCmd(ctx, args...)}, nil
}
