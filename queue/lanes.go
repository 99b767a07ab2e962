package queue

import (
	"fmt"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Lane is the place of a job among those of its queue: each priority has a lane. The zero value is [Normal].
type Lane = wire.Lane

// The lanes of a queue.
const (
	Normal = wire.NormalLane
	High   = wire.HighLane
	Low    = wire.LowLane
)

// ParseLane reads "high", "normal" or "low"; "" is [Normal]. Anything else is an error.
func ParseLane(name string) (Lane, error) {
	lane, err := wire.ParseLane(name)
	if err != nil {
		err = invalid(err)
	}
	return lane, err
}

// Priority puts the job in a lane of its queue; defaults to [Normal]. Workers start jobs of a queue's lanes by
// [QueueConfig.Lanes]: a job of the lane [High] that comes late starts before those of the others that wait. The job
// stays in its lane when it is retried, snoozed or requeued. Anything else than a lane is [ErrInvalid].
func Priority(lane Lane) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if lane > Low {
			o.errs = append(o.errs, fmt.Errorf("priority %d: must be High, Normal or Low", lane))
			return
		}
		o.lane = lane
	})
}

// Lanes says how the lanes of a queue share its slots while several have jobs. A worker that has none for a queue takes
// the defaults once jobs with a priority are enqueued there.
type Lanes struct {
	Strict bool // a job starts only if no lane before its own has any; the weights do not count then

	// Shares of the starts, 1 to 1000; 0 is the default: 20, 5 and 1.
	High, Normal, Low int
}

// Defaults of [Lanes].
const (
	DefaultHighWeight   = 20
	DefaultNormalWeight = 5
	DefaultLowWeight    = 1
)

// weights are the lanes' shares.
func (l *Lanes) weights() (shares [3]int, strict bool) {
	shares = [3]int{High: DefaultHighWeight, Normal: DefaultNormalWeight, Low: DefaultLowWeight}
	if l == nil {
		return shares, false
	}
	for lane, weight := range map[Lane]int{High: l.High, Normal: l.Normal, Low: l.Low} {
		if weight > 0 {
			shares[lane] = weight
		}
	}
	return shares, l.Strict
}

func (l *Lanes) validate(name string, wrong *mistakes) {
	if l == nil {
		return
	}
	for lane, weight := range map[Lane]int{High: l.High, Normal: l.Normal, Low: l.Low} {
		wrong.check(weight >= 0 && weight <= maxWeight, "queue %s: weight %d of its lane %s: must be 1 to %d", name,
			weight, lane, maxWeight)
	}
}

// openLanes begins to work on the queue's other lanes, once: a heartbeat has seen that it has any, or they are
// configured. Each is a subscription of its own, which ends with this one.
func (s *subscription) openLanes() {
	if s.queue.Lane != Normal || s.lanesOpen.Swap(true) {
		return
	}
	shares, strict := s.cfg.Lanes.weights()
	buffers := s.w.dispatcher.addLanes(s.buffer, shares, strict)
	for _, lane := range []Lane{High, Low} {
		in := s.inLane(lane, buffers[lane])
		s.lanes = append(s.lanes, in)
		s.lanesEnd.Go(func() { in.work(s.base, nil) })
	}
}

// inLane is a subscription to one of the queue's lanes.
func (s *subscription) inLane(lane Lane, b *buffer) *subscription {
	in := &subscription{
		w: s.w, queue: s.queue.In(lane), whole: s.whole, cfg: s.cfg, replies: newByteBudget(), buffer: b,
		counters: newCounters(s.w.kinds), shares: s.shares, place: s.place,
	}
	if !in.shares {
		in.reader = s.w.newReader()
	}
	return in
}
