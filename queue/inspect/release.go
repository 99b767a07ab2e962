package inspect

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Release gives a job in flight to the next worker with a free slot now, instead of when its consumer's silence has
// lasted long enough. [ErrHeld] if its worker lives: cancel it instead. [ErrNotFound] if it is not in flight.
func (i *Inspector) Release(ctx context.Context, queue, id string) error {
	p, err := i.find(ctx, queue)
	if err == nil {
		var job JobInfo
		var found bool
		if job, found, err = i.lookInFlight(ctx, p, id); err == nil && !found {
			err = ErrNotFound
		}
		if err == nil {
			err = verdictOf(releaseJob(ctx, i.rdb, p, &job))
		}
	}
	return wrapAction("release", queue, id, err)
}

func releaseJob(ctx context.Context, rdb redis.Scripter, p place, job *JobInfo) *redis.Cmd {
	k := p.keys
	return wire.ScriptReleaseOrphan.Eval(ctx, rdb, []string{k.Stream, k.Workers(), k.Worker(job.Worker), k.Crashed()},
		p.GroupName(), job.Worker, job.Entry, int64(wire.CrashedKept.Seconds()))
}
