package queue

import (
	"context"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// moreAtOnce is how soon a chore goes on that has not done all there is: so that Redis has time for others.
const moreAtOnce = 10 * time.Millisecond

// sweepIDs is the chore that sets chosen IDs free whose windows are over.
func (ses *session) sweepIDs(ctx context.Context) (next time.Duration, err error) {
	const atOnce, lookAt = 200, 20
	over, err := wire.SweepIDs(ctx, ses.w.rdb, &ses.queue, atOnce, lookAt)
	if over == atOnce {
		return moreAtOnce, err
	}
	return 0, err
}
