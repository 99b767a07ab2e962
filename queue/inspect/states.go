package inspect

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// State is where a job is in its life.
type State string

// The states of a job. Waiting is in the stream and not delivered; in flight is delivered and not acknowledged
// ("pending" in Redis' words); delayed is due later; retrying is delayed by a failure; dead gave up and is kept for a
// person; done is finished, and known only while it has [Retain].
const (
	StateWaiting  State = "waiting"
	StateInFlight State = "in_flight"
	StateDelayed  State = "delayed"
	StateRetrying State = "retrying"
	StateDead     State = "dead"
	StateDone     State = "done"
)

// count is how many jobs are in a state now.
func (i *Inspector) count(ctx context.Context, p place, state State) (int64, error) {
	switch state {
	case StateDelayed:
		return i.rdb.ZCard(ctx, p.keys.Delayed()).Result()
	case StateRetrying:
		return i.rdb.ZCard(ctx, p.keys.Retrying()).Result()
	case StateDead:
		return i.rdb.XLen(ctx, p.keys.Dead()).Result()
	}
	pipe := i.rdb.Pipeline()
	length, pending := pipe.XLen(ctx, p.keys.Stream), pipe.XPending(ctx, p.keys.Stream, p.GroupName())
	if _, err := pipe.Exec(ctx); ignoreNoGroup(err) != nil && !errors.Is(err, redis.Nil) {
		return 0, err
	}
	inFlight := int64(0)
	if pending.Err() == nil && pending.Val() != nil {
		inFlight = pending.Val().Count
	}
	if state == StateInFlight {
		return inFlight, nil
	}
	return max(length.Val()-inFlight, 0), nil
}
