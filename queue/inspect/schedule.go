package inspect

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// RunNow makes a delayed or retrying job due at once. [ErrNotFound] if it is neither.
func (i *Inspector) RunNow(ctx context.Context, queue, id string) error {
	return wrapAction("run now", queue, id, i.due(ctx, queue, id, i.now()))
}

// Reschedule makes a delayed or retrying job due at another time. [ErrNotFound] if it is neither.
func (i *Inspector) Reschedule(ctx context.Context, queue, id string, due time.Time) error {
	return wrapAction("reschedule", queue, id, i.due(ctx, queue, id, due))
}

func (i *Inspector) due(ctx context.Context, queue, id string, due time.Time) error {
	p, err := i.find(ctx, queue)
	if err != nil {
		return err
	}
	return verdictOf(dueAt(ctx, i.rdb, p, id, due))
}

func dueAt(ctx context.Context, rdb redis.Scripter, p place, id string, due time.Time) *redis.Cmd {
	return wire.ScriptReschedule.Eval(ctx, rdb, []string{p.keys.Delayed(), p.keys.Retrying()}, id, wire.CeilMilli(due))
}
