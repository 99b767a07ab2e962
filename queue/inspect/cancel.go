package inspect

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// lookTries is how often a job is looked for: it may move on between the look and the step.
const lookTries = 5

// Cancel ends a job that has not ended. One that waits, is delayed or retrying, or is parked for the next free worker
// is cancelled at once, with [ReasonByPerson]. A running one ends within a heartbeat (half a second with the
// default lease): its context is cancelled with the cause [ErrCancelled]. If its handler then returns nil, the job is
// done; whatever else it returns, the job is cancelled; and if its worker dies meanwhile, it is cancelled too. A
// handler that ignores its context keeps its slot until it returns. [Inspector.Requeue] takes a cancellation back, as
// long as the job is kept: WorkerConfig.KeepCancelled, 7 days by default.
//
// [ErrNotFound] if the job is not found, or has ended already.
func (i *Inspector) Cancel(ctx context.Context, queue, id string) error {
	return wrapAction("cancel", queue, id, i.end(ctx, queue, id, ActionCancel))
}

// Bury sends a job that has not ended to the dead at once, with [ReasonByPerson], also if it runs: a running handler's
// context is cancelled within a heartbeat, and its outcome does not count. Prefer [Inspector.Cancel], which waits for
// the handler. [ErrNotFound] if the job is not found, or has ended already.
func (i *Inspector) Bury(ctx context.Context, queue, id string) error {
	return wrapAction("bury", queue, id, i.end(ctx, queue, id, ActionBury))
}

// end cancels or buries a job, wherever it moves meanwhile.
func (i *Inspector) end(ctx context.Context, queue, id string, a Action) error {
	for range lookTries {
		job, q, err := i.locate(ctx, queue, id)
		if err != nil {
			return err
		}
		if job.State.row().ended {
			return fmt.Errorf("%w that goes on: it is %s", ErrNotFound, job.State)
		}
		switch err := i.decide(ctx, func() wire.VerdictCmd { return i.cancelFound(ctx, i.rdb, q, &job, a) }); {
		case !errors.Is(err, ErrNotFound):
			return err
		case job.Reason == entryDeleted:
			return fmt.Errorf("%w: %s; delete it", ErrNotFound, entryDeleted)
		}
	}
	return fmt.Errorf("%w at rest: it moved on at each of %d looks; try again", ErrNotFound, lookTries)
}

// cancelFound cancels or buries a job where it was seen.
func (i *Inspector) cancelFound(
	ctx context.Context, rdb redis.Scripter, q *wire.QueueRef, job *JobInfo, a Action,
) wire.VerdictCmd {
	e, by := job.source, i.attribution(ctx)
	m := *e.Meta
	m.Redelivered = job.Redelivered
	return wire.CancelJob(ctx, rdb, q, &wire.Cancel{
		Entry: e.Ref, Member: job.member, Body: job.body, By: by, Bury: a == ActionBury,
		Death: wire.Death{
			ID: e.ID, Kind: e.Kind, Data: e.Data, Meta: m, Error: by.CancelledError(nil).Error(), Reason: ReasonByPerson,
			Worker: job.Worker, At: by.At,
		},
	})
}

func (i *Inspector) cancelJob(
	ctx context.Context, rdb redis.Scripter, q *wire.QueueRef, job *JobInfo,
) wire.VerdictCmd {
	return i.cancelFound(ctx, rdb, q, job, ActionCancel)
}

func (i *Inspector) buryJob(
	ctx context.Context, rdb redis.Scripter, q *wire.QueueRef, job *JobInfo,
) wire.VerdictCmd {
	return i.cancelFound(ctx, rdb, q, job, ActionBury)
}
