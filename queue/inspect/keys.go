package inspect

import "github.com/navvy-go/navvy/queue/internal/wire"

// Keys are the Redis keys of a queue, see docs/keys.md.
type Keys struct {
	Stream, Delayed, Retrying, Bodies, Dead, DeadIDs                string
	CancelledJobs, CancelledIDs, ExpiredJobs, ExpiredIDs            string
	IDs, IDsEnds, Started                                           string
	Workers, Caretaker, Crashed, Paused, Cancelled, Totals, Metrics string

	keys wire.Keys
}

func newKeys(k wire.Keys) Keys {
	return Keys{
		Stream: k.Stream, Delayed: k.Delayed(), Retrying: k.Retrying(), Bodies: k.Bodies(), Dead: k.Dead(),
		CancelledJobs: k.CancelledJobs(), CancelledIDs: k.CancelledIDs(), ExpiredJobs: k.ExpiredJobs(),
		ExpiredIDs: k.ExpiredIDs(), Started: k.Started(), IDs: k.IDs(), IDsEnds: k.IDsEnds(),
		DeadIDs: k.DeadIDs(), Workers: k.Workers(), Caretaker: k.Caretaker(), Crashed: k.Crashed(), Paused: k.Paused(),
		Cancelled: k.Cancelled(), Totals: k.Totals(), Metrics: k.Metrics(), keys: k,
	}
}

// Job is the key of what a job's handler has recorded of its progress.
func (k Keys) Job(id string) string { return k.keys.Job(id) }

// Result is the key of what is kept of a done job.
func (k Keys) Result(id string) string { return k.keys.Result(id) }

// Worker is the key of the registration of a worker, by its consumer name.
func (k Keys) Worker(consumer string) string { return k.keys.Worker(consumer) }
