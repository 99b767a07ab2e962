package wire

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Edit is a job that gets other data.
type Edit struct {
	Job     Entry  // as it is to be; Ref is its entry in the stream, the zero value of a delayed or retrying job
	Parking string // the pseudo-consumer that it is parked under; "" if it waits
	Member  string // of a delayed or retrying job: what stands for it in bodies
	Body    string // likewise, as it was
}

// EditJob gives a job that no worker holds other data. [VerdictHeld] if one does, [VerdictNotFound] if it has moved
// or changed, or a person has cancelled it.
func EditJob(ctx context.Context, rdb redis.Scripter, q *QueueRef, e *Edit) VerdictCmd {
	in := q.In(e.Job.Ref.Lane)
	args := []any{q.Group, e.Job.ID, e.Job.Ref.ID}
	if e.Job.Ref.ID == "" {
		args = append(args, e.Member, e.Body, e.body(), "")
	} else {
		args = append(args, e.Parking, e.Job.Kind, e.Job.Data, e.Job.Meta.Encode())
	}
	return VerdictCmd{scriptEdit.Eval(ctx, rdb,
		[]string{in.Stream, q.Bodies(), q.Totals(), q.Delayed(), q.Retrying(), q.IDs(), in.Cancelled()}, args...)}
}

// body is the job's new body: a twin stays one.
func (e *Edit) body() string {
	body := EncodeBody(e.Job.Kind, e.Job.Meta.Encode(), e.Job.Data)
	if e.Member != e.Job.ID && strings.HasPrefix(e.Body, "0") {
		return "0" + body
	}
	return body
}
