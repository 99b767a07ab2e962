package dashboard

import (
	"context"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

const (
	groupedWithin = time.Second // all that can be looked at in it
	groupedFresh  = time.Minute // at the most
)

func loadDead(ctx context.Context, d *Dashboard, r *Request) (any, error) {
	l, err := d.list(ctx, r, inspect.StateDead)
	if err != nil || l.Queue == "" || l.Filter != "" || r.Get("cursor") != "" {
		return l, err
	}
	seen := d.cache.get(ctx, "dead groups of "+l.Queue, d.cfg.Now, func(ctx context.Context) (any, error) {
		groups, err := d.inspector.DeadGroups(ctx, l.Queue, groupedWithin)
		return deadGroups{groups}, err
	})
	if seen.err != nil {
		return l, seen.err
	}
	groups := seen.data.(deadGroups)
	l.Groups = &groups.DeadGroups
	return l, nil
}

type deadGroups struct{ inspect.DeadGroups }

// FreshFor is five milliseconds for each job that was looked at, up to a minute.
func (g deadGroups) FreshFor() time.Duration {
	return min(5*time.Millisecond*time.Duration(g.Scanned), groupedFresh)
}
