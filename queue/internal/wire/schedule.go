package wire

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Promote puts at most count due jobs of each kind of waiting, delayed and retrying, into their lanes. It returns how
// many, and in how long the next is due: negative if none is.
func Promote(ctx context.Context, rdb redis.Scripter, q *QueueRef, clock Clock, count int) (
	promoted int64, next time.Duration, err error,
) {
	keys := []string{q.Stream, q.Bodies(), q.Totals(), q.Delayed(), q.Retrying(), q.IDs(), q.Metrics()}
	reply, err := promote(ctx, rdb, keys, clock, count)
	if err == nil && reply[2] > 0 {
		promoted = reply[0]
		reply, err = promote(ctx, rdb, append(keys, q.laneStream(HighLane), q.laneStream(LowLane)), clock, count)
	}
	if err != nil {
		return 0, 0, err
	}
	reply[0] += promoted
	if reply[1] < 0 { // none, or none that a number stands for
		return reply[0], -1, nil
	}
	return reply[0], Milliseconds(reply[1]), nil
}

// promote puts jobs into the lanes whose streams are among the keys.
func promote(ctx context.Context, rdb redis.Scripter, keys []string, clock Clock, count int) ([]int64, error) {
	reply, err := scriptPromote.Run(ctx, rdb, keys, clock.arg(clock.Own.UnixMilli()), count).Int64Slice()
	if err == nil && len(reply) != 3 {
		err = fmt.Errorf("%w: %d cells", ErrProtocol, len(reply))
	}
	return reply, err
}

// DrawNear makes the jobs that workers have put off due after their wait, counted from now, where they are due later:
// Redis' clock was set back since. Times that clients and persons have chosen stay.
func DrawNear(ctx context.Context, rdb redis.Scripter, q *QueueRef, clock Clock) error {
	const page = 1000
	for _, key := range []string{q.Delayed(), q.Retrying()} {
		for cursor := "0"; ; {
			next, err := scriptDrawNear.Run(ctx, rdb, []string{key, q.Metrics()}, clock.arg(clock.Own.UnixMilli()), cursor,
				page).Text()
			if err != nil {
				return err
			}
			if cursor = next; cursor == "0" {
				break
			}
		}
	}
	return nil
}

// Reschedule makes a delayed or retrying job due at another time: the one that a member of bodies stands for.
func Reschedule(ctx context.Context, rdb redis.Scripter, q *QueueRef, member string, due time.Time) VerdictCmd {
	return VerdictCmd{scriptReschedule.Eval(ctx, rdb, []string{q.Delayed(), q.Retrying()}, member,
		CeilMilli(LimitTime(due)))}
}

// RunNow puts a delayed or retrying job into its lane.
func RunNow(ctx context.Context, rdb redis.Scripter, q *QueueRef, member string, lane Lane) VerdictCmd {
	return VerdictCmd{scriptRunNow.Eval(ctx, rdb,
		[]string{q.laneStream(lane), q.Bodies(), q.Totals(), q.Delayed(), q.Retrying(), q.IDs()}, member)}
}
