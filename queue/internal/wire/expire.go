package wire

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Expire says which of the dead or cancelled jobs are kept.
type Expire struct {
	Of    Ended
	Keep  time.Duration // how long; 0 for ever
	Most  int64         // how many; 0 all
	Count int           // to delete at the most
	Bytes int           // to read at the most, about
}

// Expired is how many jobs were deleted.
type Expired struct {
	Old     int64 // they were kept for long enough
	Excess  int64 // they were too many
	HasMore bool
}

// ExpireEnded deletes the oldest of the dead or cancelled jobs.
func ExpireEnded(ctx context.Context, rdb redis.Scripter, q *QueueRef, e Expire) (Expired, error) {
	jobs, ids := e.Of.keys(q)
	keep := e.Keep.Milliseconds()
	if e.Keep > 0 {
		keep = max(keep, 1)
	}
	reply, err := scriptExpireEnded.Run(ctx, rdb, []string{jobs, ids, q.Totals(), q.IDs(), q.IDsEnds()},
		string(e.Of), keep, e.Most, e.Count, e.Bytes).Int64Slice()
	if err != nil {
		return Expired{}, err
	}
	if len(reply) != 3 {
		return Expired{}, fmt.Errorf("%w: %d cells", ErrProtocol, len(reply))
	}
	return Expired{Old: reply[0], Excess: reply[1], HasMore: reply[2] == 1}, nil
}
