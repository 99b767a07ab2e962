package inspect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	cancelKept  = 24 * time.Hour // a cancellation that no worker has applied
	cancelTries = 5              // a job may move on between the look and the step
)

// Cancel ends a job that has not ended. One that waits, is delayed or retrying, or is parked for the next free worker
// goes to the dead at once, with [ReasonByPerson]. A running one ends within a heartbeat (half a second with the
// default lease): its context is cancelled with the cause [ErrCancelled]. If its handler then returns nil, the job is done;
// whatever else it returns, the job is dead; and if its worker dies meanwhile, the job is dead too. A handler that
// ignores its context keeps its slot until it returns. [Inspector.Requeue] takes a cancellation back.
//
// [ErrNotFound] if the job is not found, or has ended already.
func (i *Inspector) Cancel(ctx context.Context, queue, id string) error {
	return wrapAction("cancel", queue, id, i.end(ctx, queue, id, ActionCancel))
}

// Bury sends a job that has not ended to the dead at once, with [ReasonByPerson], whoever runs it: a running handler's
// context is cancelled within a beat, and its outcome does not count. Prefer [Inspector.Cancel], which waits for the
// handler. [ErrNotFound] if the job is not found, or has ended already.
func (i *Inspector) Bury(ctx context.Context, queue, id string) error {
	return wrapAction("bury", queue, id, i.end(ctx, queue, id, ActionBury))
}

// end cancels or buries a job, wherever it moves meanwhile.
func (i *Inspector) end(ctx context.Context, queue, id string, action Action) error {
	for range cancelTries {
		job, p, err := i.locate(ctx, queue, id)
		if err != nil {
			return err
		}
		if job.State == StateDead || job.State == StateDone {
			return fmt.Errorf("%w that goes on: it is %s", ErrNotFound, job.State)
		}
		switch err := verdictOf(i.cancelFound(ctx, i.rdb, p, &job, action)); {
		case !errors.Is(err, ErrNotFound):
			return err
		case job.Reason == entryDeleted:
			return fmt.Errorf("%w: %s; delete it", ErrNotFound, entryDeleted)
		}
	}
	return fmt.Errorf("%w at rest: it moved on at each of %d looks; try again", ErrNotFound, cancelTries)
}

// cancelFound cancels or buries a job where it was seen.
func (i *Inspector) cancelFound(ctx context.Context, rdb redis.Scripter, p place, job *JobInfo, action Action) *redis.Cmd {
	e, k, by := job.source, p.keys, i.attribution(ctx)
	m := *e.Meta
	m.Redelivered = job.Redelivered
	keys := []string{
		k.Stream, k.Dead(), k.DeadIDs(), k.Totals(), k.Cancelled(), k.Workers(), k.Delayed(), k.Retrying(), k.Bodies(),
	}
	if m.Unique != "" {
		keys = append(keys, k.Unique(m.Unique))
	}
	return wire.ScriptCancel.Eval(ctx, rdb, keys,
		p.GroupName(), e.ID, e.EntryID, job.body, by.Encode(), int64(cancelKept.Seconds()), string(action),
		wire.FieldID, e.ID, wire.FieldKind, e.Kind, wire.FieldData, e.Data, wire.FieldMeta, m.Encode(),
		"error", by.CancelledError(nil).Error(), "reason", ReasonByPerson, "worker", job.Worker,
		"died_ms", by.At.UnixMilli())
}
