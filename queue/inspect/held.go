package inspect

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// unstarted are jobs that were given to the group and have not started: held by workers that have no slot for them, as
// their last heartbeats say, or parked.
type unstarted struct {
	jobs   int64
	oldest []string // entries, of each that holds some
}

// readUnstarted counts them, with one more round trip if anything is in flight.
func (i *Inspector) readUnstarted(
	ctx context.Context, q *wire.QueueRef, stream *redis.XInfoStreamFull,
) (u unstarted, err error) {
	if stream == nil {
		return u, nil
	}
	pipe := i.rdb.Pipeline()
	var workers []*redis.SliceCmd
	for _, g := range stream.Groups {
		for _, c := range g.Consumers {
			switch {
			case g.Name != q.Group || c.PelCount == 0:
			case wire.IsParking(c.Name):
				u.jobs += c.PelCount
				for _, first := range c.Pending {
					u.oldest = append(u.oldest, first.ID)
				}
			default:
				workers = append(workers, readHolds(ctx, pipe, q, c.Name))
			}
		}
	}
	if err := execute(ctx, pipe); err != nil {
		return u, err
	}
	for _, worker := range workers {
		if h := holdsOf(worker); h.Held > 0 {
			u.jobs += int64(h.Held)
			u.oldest = append(u.oldest, h.Oldest.ID)
		}
	}
	return u, nil
}

func readHolds(ctx context.Context, pipe redis.Pipeliner, q *wire.QueueRef, consumer string) *redis.SliceCmd {
	return pipe.HMGet(ctx, q.Worker(consumer), "held", "oldest_held", "runs")
}

// holdsOf is what a worker holds; nothing if it is not registered.
func holdsOf(read *redis.SliceCmd) wire.Holds {
	var cells [3]string
	for k, cell := range read.Val() {
		cells[k], _ = cell.(string)
	}
	return wire.ReadHolds(cells[0], cells[1], cells[2])
}

// isHeld reports whether a worker that holds an entry had not started it at its last heartbeat.
func isHeld(h wire.Holds, entry string) bool {
	return h.Held > 0 && len(h.Runs) < wire.MostRuns && !slices.Contains(h.Runs, wire.ParseEntryRef(entry))
}

// oldestOf is the age of the oldest of some entries; 0 if there are none.
func oldestOf(now time.Time, entries ...string) (age time.Duration) {
	for _, entry := range entries {
		if id, ok := redisx.ParseStreamID(entry); ok {
			age = max(age, now.Sub(id.Time()))
		}
	}
	return age
}
