package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// FleetPage is a page of the queues' names: those that workers serve first, and by name among their like. A caller that
// makes up names cannot push out queues that work goes on in.
type FleetPage struct {
	Names []string
	Total int // queues there are
	First int // how many come before the page
}

// Next is the number of the first queue of the next page; 0 if this is the last.
func (p FleetPage) Next() int {
	if next := p.First + len(p.Names); next < p.Total {
		return next
	}
	return 0
}

// Rest is how many queues are not on the page.
func (p FleetPage) Rest() int { return p.Total - len(p.Names) }

const censusStep = 1000 // queues in one round trip

// Fleet lists limit queues from the first on. Where there are more than that, it costs one O(1) command for each.
func (i *Inspector) Fleet(ctx context.Context, first, limit int) (FleetPage, error) {
	page, err := i.fleetPage(ctx, first, limit)
	if err != nil {
		return FleetPage{}, fmt.Errorf("queue: list queues: %w", err)
	}
	return page, nil
}

func (i *Inspector) fleetPage(ctx context.Context, first, limit int) (FleetPage, error) {
	names, err := i.fleetOrder(ctx, limit)
	if err != nil {
		return FleetPage{}, err
	}
	return PageOf(names, first, limit), nil
}

// PageOf is a page of names that [Inspector.FleetOrder] has returned.
func PageOf(names []string, first, limit int) FleetPage {
	first = min(max(first, 0), len(names))
	return FleetPage{names[first:min(first+limit, len(names))], len(names), first}
}

// FleetOrder lists all queues in the order of their pages. More than limit cost one O(1) command for each.
func (i *Inspector) FleetOrder(ctx context.Context, limit int) ([]string, error) {
	names, err := i.fleetOrder(ctx, limit)
	if err != nil {
		return nil, fmt.Errorf("queue: list queues: %w", err)
	}
	return names, nil
}

func (i *Inspector) fleetOrder(ctx context.Context, limit int) ([]string, error) {
	queues, err := i.registry.All(ctx)
	if err != nil {
		return nil, err
	}
	served := map[string]bool{}
	if len(queues) > limit {
		for some := range slices.Chunk(queues, censusStep) {
			pipe := i.rdb.Pipeline()
			workers := make([]*redis.IntCmd, len(some))
			for k := range some {
				workers[k] = pipe.ZCard(ctx, some[k].Workers())
			}
			_, _ = pipe.Exec(ctx) // each command has its own error
			for k := range some { // a key of another type counts for none: the queue is read, and that fails
				if err := workers[k].Err(); redisx.IsAway(err) {
					return nil, err
				}
				if workers[k].Val() > 0 {
					served[some[k].Name] = true
				}
			}
		}
	}
	names := make([]string, len(queues))
	for k := range queues {
		names[k] = queues[k].Name
	}
	slices.SortFunc(names, func(a, b string) int {
		if served[a] != served[b] {
			if served[a] {
				return -1
			}
			return 1
		}
		return cmp.Compare(a, b)
	})
	return names, nil
}
