package dashboard

import (
	"context"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// strip is the row of numbers on top of each page: is it all right?
type strip struct {
	Waiting       int64         `json:"waiting"`
	InFlight      int64         `json:"in_flight"`
	Delayed       int64         `json:"delayed"`
	Retrying      int64         `json:"retrying"`
	Dead          int64         `json:"dead"`
	Workers       int64         `json:"workers"`
	OldestWaiting time.Duration `json:"oldest_waiting_ns"`
}

// fleet is every queue, as read in one go.
type fleet struct {
	Queues []queue.QueueInfo `json:"queues"`
	Strip  strip             `json:"total"`
}

// strip returns the numbers of the last second.
func (d *Dashboard) strip(ctx context.Context) view {
	seen := d.fleet(ctx)
	if seen.data != nil {
		seen.data = seen.data.(fleet).Strip
	}
	return seen
}

// fleet returns the queues as they were within the last second: each page, and every browser's stream, look at the same.
func (d *Dashboard) fleet(ctx context.Context) view {
	return d.views.get(ctx, "fleet", d.cfg.Now, func(ctx context.Context) (any, error) { return d.readFleet(ctx) })
}

func (d *Dashboard) readFleet(ctx context.Context) (fleet, error) {
	names, err := d.inspector.Queues(ctx)
	if err != nil {
		return fleet{}, err
	}
	var all fleet
	for _, name := range names {
		info, err := d.inspector.Queue(ctx, name)
		if err != nil {
			return fleet{}, err
		}
		all.Queues = append(all.Queues, info)
		all.Strip.add(info)
	}
	return all, nil
}

func (s *strip) add(q queue.QueueInfo) {
	s.Waiting += q.Waiting
	s.InFlight += q.InFlight
	s.Delayed += q.Delayed
	s.Retrying += q.Retrying
	s.Dead += q.Dead
	s.Workers += q.Workers
	s.OldestWaiting = max(s.OldestWaiting, q.OldestWaiting)
}
