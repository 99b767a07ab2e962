package dashboard

import (
	"context"

	"github.com/navvy-go/navvy/queue"
)

const groupedDead = 2000 // the newest

func loadDead(ctx context.Context, d *Dashboard, r *request) (any, error) {
	l, err := d.list(ctx, r, queue.StateDead)
	if err != nil || l.Queue == "" || l.Filter != "" || r.Get("cursor") != "" {
		return l, err
	}
	seen := d.views.get(ctx, "dead groups of "+l.Queue, d.cfg.Now, func(ctx context.Context) (any, error) {
		return d.inspector.DeadGroups(ctx, l.Queue, groupedDead)
	})
	if seen.err != nil {
		return l, seen.err
	}
	groups := seen.data.(queue.DeadGroups)
	l.Groups = &groups
	return l, nil
}
