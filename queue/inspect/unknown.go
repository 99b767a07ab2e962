package inspect

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// UnknownKind is a kind of which a worker has put jobs off because it has no handler for it.
type UnknownKind struct {
	Kind    string    `json:"kind"`
	Seen    time.Time `json:"seen_at"` // when a job of it was put off last: in the last two minutes
	Workers int       `json:"workers"` // that have a handler for it; 0: its jobs wait until one starts
}

// unknownKinds lists, by name, the kinds of which jobs of a queue wait for a worker that has a handler: those that were
// noted lately. A worker of a version that does not list its kinds counts for none.
func (i *Inspector) unknownKinds(ctx context.Context, queue string, noted []redis.Z) ([]UnknownKind, error) {
	var kinds []UnknownKind
	for _, row := range noted {
		name, _ := row.Member.(string)
		kinds = append(kinds, UnknownKind{Kind: name, Seen: inCalendar(time.UnixMilli(int64(row.Score)).UTC())})
	}
	if len(kinds) == 0 {
		return nil, nil
	}
	workers, err := i.workers(ctx, queue)
	if err != nil {
		return nil, err
	}
	for n := range kinds {
		for _, w := range workers {
			if w.Heartbeat != HeartbeatGone && slices.Contains(w.Kinds, kinds[n].Kind) {
				kinds[n].Workers++
			}
		}
	}
	slices.SortFunc(kinds, func(a, b UnknownKind) int { return strings.Compare(a.Kind, b.Kind) })
	return kinds, nil
}

// noted reads which kinds a queue's workers have put jobs off for. The times are by the clock of Redis: the stale ones
// end by this machine's, as leases do in counts.
func (i *Inspector) noted(ctx context.Context, pipe redis.Pipeliner, q *wire.QueueRef) *redis.ZSliceCmd {
	return pipe.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{
		Key: q.UnknownKinds(), ByScore: true, Start: i.now().Add(-wire.UnknownStale).UnixMilli(), Stop: "+inf",
	})
}
