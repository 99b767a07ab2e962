package inspect

import (
	"context"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// State is where a job is in its life.
type State string

// The states of a job. Waiting is in the stream and not delivered; in flight is delivered and not acknowledged
// ("pending" in Redis' words); delayed is due later; retrying is delayed by a failure; dead gave up and is kept for a
// person; cancelled was ended by a person, and is kept for a while; expired was not
// started in time (ExpiresIn), and is kept for a while; done is finished, and known only while it has
// [Retain].
const (
	StateWaiting   State = "waiting"
	StateInFlight  State = "in_flight"
	StateDelayed   State = "delayed"
	StateRetrying  State = "retrying"
	StateDead      State = "dead"
	StateCancelled State = "cancelled"
	StateExpired   State = "expired"
	StateDone      State = "done"
)

// state is what there is to know about a state of a job.
type state struct {
	state State
	ended bool // nothing happens to the job any more

	count func(i *Inspector, ctx context.Context, q *wire.QueueRef) (int64, error) // nil: not counted
	list  lister
	of    func(q *QueueInfo) *int64 // where the count stands

	hasWorker bool // a worker holds the job, or held it last
	inFlight  bool // the job has an idle time and deliveries
}

// states is the table of states. A new state is a row here, the file that lists it, and the actions of actions.go that
// apply to it.
var states = [...]state{
	{
		state: StateWaiting, count: (*Inspector).countWaiting, list: inLanes((*Inspector).waiting),
		of: func(q *QueueInfo) *int64 { return &q.Waiting },
	},
	{
		state: StateInFlight, count: (*Inspector).countInFlight, list: inLanes((*Inspector).inFlight),
		of:        func(q *QueueInfo) *int64 { return &q.InFlight },
		hasWorker: true, inFlight: true,
	},
	{
		state: StateDelayed, count: countOf(redis.Cmdable.ZCard, wire.Keys.Delayed), list: (*Inspector).delayed,
		of: func(q *QueueInfo) *int64 { return &q.Delayed },
	},
	{
		state: StateRetrying, count: countOf(redis.Cmdable.ZCard, wire.Keys.Retrying), list: (*Inspector).retrying,
		of: func(q *QueueInfo) *int64 { return &q.Retrying },
	},
	{
		state: StateDead, ended: true, count: countOf(redis.Cmdable.XLen, wire.Keys.Dead), list: (*Inspector).dead,
		of: func(q *QueueInfo) *int64 { return &q.Dead }, hasWorker: true,
	},
	{
		state: StateCancelled, ended: true, count: countOf(redis.Cmdable.XLen, wire.Keys.CancelledJobs),
		list: (*Inspector).cancelled, of: func(q *QueueInfo) *int64 { return &q.Cancelled }, hasWorker: true,
	},
	{
		state: StateExpired, ended: true, count: countOf(redis.Cmdable.XLen, wire.Keys.ExpiredJobs),
		list: (*Inspector).expired, of: func(q *QueueInfo) *int64 { return &q.Expired }, hasWorker: true,
	},
	{state: StateDone, ended: true, hasWorker: true},
}

// States lists the states in the order in which a job has them.
func States() []State {
	all := make([]State, len(states))
	for k := range states {
		all[k] = states[k].state
	}
	return all
}

// Label is the state in words.
func (s State) Label() string { return strings.ReplaceAll(string(s), "_", " ") }

// Listed reports whether the jobs in the state can be listed and searched.
func (s State) Listed() bool { row := s.row(); return row != nil && row.list != nil }

// Actions lists what can be done to a job in the state.
func (s State) Actions() []Action {
	return slices.DeleteFunc(Actions(), func(a Action) bool { return !a.AppliesTo(s) })
}

func (s State) row() *state {
	k := slices.IndexFunc(states[:], func(row state) bool { return row.state == s })
	if k < 0 {
		return nil
	}
	return &states[k]
}

// listedStates names the states that can be listed, for an error's text.
func listedStates() string {
	var names []string
	for _, s := range States() {
		if s.Listed() {
			names = append(names, string(s))
		}
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// count is how many jobs are in a state now.
func (i *Inspector) count(ctx context.Context, q *wire.QueueRef, s State) (int64, error) {
	row := s.row()
	if row == nil || row.count == nil {
		return 0, nil
	}
	return row.count(i, ctx, q)
}

// countOf counts the members of a key.
func countOf(
	command func(redis.Cmdable, context.Context, string) *redis.IntCmd, key func(wire.Keys) string,
) func(*Inspector, context.Context, *wire.QueueRef) (int64, error) {
	return func(i *Inspector, ctx context.Context, q *wire.QueueRef) (int64, error) {
		return command(i.rdb, ctx, key(q.Keys)).Result()
	}
}

func (i *Inspector) countWaiting(ctx context.Context, q *wire.QueueRef) (int64, error) {
	b, err := i.backlogs(ctx, q)
	return b.waiting, err
}

func (i *Inspector) countInFlight(ctx context.Context, q *wire.QueueRef) (int64, error) {
	b, err := i.backlogs(ctx, q)
	return b.inFlight, err
}
