package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// UnknownKind is a kind of which a worker has put jobs off because it has no handler for it.
type UnknownKind struct {
	Kind    string    `json:"kind"`
	Seen    time.Time `json:"seen_at"` // when a job of it was put off last: in the last two minutes
	Workers int       `json:"workers"` // that have a handler for it; 0: its jobs wait until one starts
}

// UnknownKinds lists, by name, the kinds of which jobs of a queue wait for a worker that has a handler. Such jobs are
// delayed, see [JobInfo]. A worker of a version that does not list its kinds counts for none.
func (i *Inspector) UnknownKinds(ctx context.Context, queue string) ([]UnknownKind, error) {
	kinds, err := i.unknownKinds(ctx, queue)
	if err != nil {
		return nil, fmt.Errorf("queue: unknown kinds of %s: %w", queue, err)
	}
	return kinds, nil
}

func (i *Inspector) unknownKinds(ctx context.Context, queue string) ([]UnknownKind, error) {
	q, err := i.find(ctx, queue)
	if err != nil {
		return nil, err
	}
	pipe := i.rdb.Pipeline()
	now, seen := pipe.Time(ctx), pipe.ZRangeWithScores(ctx, q.UnknownKinds(), 0, -1)
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	kinds := []UnknownKind{}
	for _, row := range seen.Val() {
		name, _ := row.Member.(string)
		at := time.UnixMilli(int64(row.Score)).UTC()
		if now.Val().Sub(at) < wire.UnknownStale {
			kinds = append(kinds, UnknownKind{Kind: name, Seen: inCalendar(at)})
		}
	}
	if len(kinds) == 0 {
		return kinds, nil
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
