package dashboard

import (
	"cmp"
	"context"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

// summary is the row of numbers on top of each page: is it all right?
type summary struct {
	Waiting       int64         `json:"waiting"`
	InFlight      int64         `json:"in_flight"`
	Delayed       int64         `json:"delayed"`
	Retrying      int64         `json:"retrying"`
	Dead          int64         `json:"dead"`
	Cancelled     int64         `json:"cancelled"`
	Workers       int64         `json:"workers"` // processes
	Stuck         int64         `json:"stuck"`   // of those in flight
	StuckIn       string        `json:"stuck_in,omitempty"`
	OldestWaiting time.Duration `json:"oldest_waiting_ns"`
	Done          int64         `json:"done_last_minute"`
	Failed        int64         `json:"failed_last_minute"`
}

// fleet is every queue, as read in one go.
type fleet struct {
	Queues  []inspect.QueueInfo     `json:"queues"`
	Summary summary                 `json:"total"`
	minute  map[string]inspect.Stat // by queue, the last one that is over
}

// summary returns the numbers of the last second.
func (d *Dashboard) summary(ctx context.Context) cached {
	seen := d.fleet(ctx)
	if seen.data == nil {
		return seen
	}
	numbers, err := d.withWorkerSummary(ctx, seen.data.(fleet).Summary)
	seen.data, seen.err = numbers, cmp.Or(seen.err, err)
	return seen
}

func (d *Dashboard) withWorkerSummary(ctx context.Context, s summary) (summary, error) {
	c, err := d.workerSummary(ctx)
	s.Workers, s.Stuck, s.StuckIn = int64(c.processes), c.stuck, c.stuckIn
	return s, err
}

// fleetWithWorkers is the fleet, its workers counted.
func (d *Dashboard) fleetWithWorkers(ctx context.Context) (fleet, error) {
	seen := d.fleet(ctx)
	if seen.err != nil {
		return fleet{}, seen.err
	}
	all := seen.data.(fleet)
	var err error
	all.Summary, err = d.withWorkerSummary(ctx, all.Summary)
	return all, err
}

// fleet returns the queues as they were within the last second: all pages and streams show the same reading.
func (d *Dashboard) fleet(ctx context.Context) cached {
	return d.cache.get(ctx, "fleet", d.cfg.Now, func(ctx context.Context) (any, error) { return d.readFleet(ctx) })
}

func (d *Dashboard) readFleet(ctx context.Context) (fleet, error) {
	names, err := d.inspector.Queues(ctx)
	if err != nil {
		return fleet{}, err
	}
	all := fleet{minute: map[string]inspect.Stat{}}
	for _, name := range names {
		info, err := d.inspector.Queue(ctx, name)
		if err != nil {
			return fleet{}, err
		}
		minute, err := d.lastMinute(ctx, name)
		if err != nil {
			return fleet{}, err
		}
		all.Queues = append(all.Queues, info)
		all.minute[name] = minute
		all.Summary.add(info, minute)
	}
	return all, nil
}

// lastMinute returns what a queue did in the last minute that is over: of jobs that take milliseconds, counts of this
// moment are 0 most of the time.
func (d *Dashboard) lastMinute(ctx context.Context, name string) (inspect.Stat, error) {
	end := d.cfg.Now().Truncate(time.Minute)
	stats, err := d.inspector.Stats(ctx, name, end.Add(-time.Minute), end.Add(-time.Second), time.Minute)
	if err != nil || len(stats) == 0 {
		return inspect.Stat{}, err
	}
	return stats[0], nil
}

// Minute returns what a queue did in the last minute that is over.
func (f fleet) Minute(name string) inspect.Stat { return f.minute[name] }

func (s *summary) add(q inspect.QueueInfo, minute inspect.Stat) {
	s.Done += minute.Done
	s.Failed += minute.Failed
	s.Waiting += q.Waiting
	s.InFlight += q.InFlight
	s.Delayed += q.Delayed
	s.Retrying += q.Retrying
	s.Dead += q.Dead
	s.Cancelled += q.Cancelled
	s.OldestWaiting = max(s.OldestWaiting, q.OldestWaiting)
}
