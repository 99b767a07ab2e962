package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Requeue brings a dead job back to the end of its queue, with all its attempts before it. [ErrNotFound] if it is not
// dead.
func (i *Inspector) Requeue(ctx context.Context, queue, id string) error {
	return wrapAction("requeue", queue, id, i.requeue(ctx, queue, id, nil))
}

// RequeueWith requeues a dead job with other data: JSON, 1 MiB at the most ([ErrTooLarge]). [ErrNotFound] if it is not
// dead.
func (i *Inspector) RequeueWith(ctx context.Context, queue, id string, data []byte) error {
	var err error
	switch {
	case len(data) > wire.DefaultMaxData:
		err = fmt.Errorf("%d bytes: %w", len(data), ErrTooLarge)
	case !json.Valid(data):
		err = errors.New("data is not JSON: nothing was requeued")
	default:
		err = i.requeue(ctx, queue, id, data)
	}
	return wrapAction("requeue", queue, id, err)
}

// requeue takes the job's own data if there is none.
func (i *Inspector) requeue(ctx context.Context, queue, id string, data []byte) error {
	p, err := i.find(ctx, queue)
	if err != nil {
		return err
	}
	job, found, err := i.lookDead(ctx, p, id)
	if err != nil {
		return err
	}
	if !found {
		return ErrNotFound
	}
	if data != nil {
		job.source.Data = data
	}
	return verdictOf(requeueJob(ctx, i.rdb, p, &job))
}

func requeueJob(ctx context.Context, rdb redis.Scripter, p place, job *JobInfo) *redis.Cmd {
	k, e := p.keys, job.source
	m := *e.Meta
	m.Attempt, m.Redelivered, m.Error = 0, 0, ""
	return wire.ScriptRequeue.Eval(ctx, rdb, []string{k.Stream, k.Dead(), k.DeadIDs(), k.Totals()},
		e.ID, job.Entry, e.Kind, e.Data, m.Encode())
}
