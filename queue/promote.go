package queue

import (
	"context"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	promoteEvery = 50 * time.Millisecond // a due job is waiting at most so long after its time, and a round trip
	maxPromote   = 100
)

// promote is the chore that moves due jobs into the stream, a batch at a time.
func (ses *session) promote(ctx context.Context) (next time.Duration, err error) {
	_, next, err = wire.Promote(ctx, ses.w.rdb, &ses.queue, ses.w.clock(), maxPromote)
	if next < 0 || next > promoteEvery {
		return promoteEvery, err
	}
	return max(next, time.Nanosecond), err // 0 would be as usual
}
