package queue

import (
	"context"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	promoteEvery    = 50 * time.Millisecond // a due job is waiting at most so long after its time, and a round trip
	maxPromote      = 100
	reclaimPageSize = 50
	reclaimPages    = 40 // of a consumer that never had a lease, at each beat: few of its entries may be idle
)

// promote moves a batch of due jobs into the stream and tells when to come again.
func (ses *session) promote() (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ses.reading, ses.w.cfg.Lease)
	defer cancel()
	k := ses.keys
	reply, err := wire.ScriptPromote.Run(ctx, ses.w.rdb,
		[]string{k.Stream, k.Bodies(), k.Totals(), k.Delayed(), k.Retrying()},
		ses.w.cfg.Now().UnixMilli(), maxPromote).Int64Slice()
	if err != nil || len(reply) != 2 {
		if ses.reading.Err() != nil {
			err = nil
		}
		return promoteEvery, err
	}
	next := time.Duration(reply[1]) * time.Millisecond
	if next < 0 || next > promoteEvery {
		next = promoteEvery
	}
	return next, nil
}
