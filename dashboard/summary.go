package dashboard

import (
	"cmp"
	"context"
	"math"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/navvy-go/navvy/internal/redisx"
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
	Expired       int64         `json:"expired"`
	Workers       int64         `json:"workers"` // processes
	Stuck         int64         `json:"stuck"`   // of those in flight
	StuckIn       string        `json:"stuck_in,omitempty"`
	OldestWaiting time.Duration `json:"oldest_waiting_ns"`
	Done          int64         `json:"done_per_minute"`
	Failed        int64         `json:"failed_per_minute"`
	Evicted       int64         `json:"evicted_keys"` // by Redis, of all servers
}

// fleet is every queue, as read in one go.
type fleet struct {
	Queues  []inspect.QueueInfo     `json:"queues"`
	Broken  []brokenQueue           `json:"broken,omitempty"`
	Summary summary                 `json:"total"`
	Total   int                     `json:"queues_in_all"`
	First   int                     `json:"first,omitempty"` // how many queues come before these
	Next    int                     `json:"next,omitempty"`  // the first of the next page; 0 if there is none
	rates   map[string]inspect.Stat // by queue, in a minute
	took    time.Duration
}

// brokenQueue is a queue that cannot be read: a key of it has another type, or damaged content.
type brokenQueue struct {
	Name  string `json:"queue"`
	Cause string `json:"cause"`
}

// summary returns the numbers of the last second. With a turn, what is a second older is shown where they take long to
// be read, see [cache.getIn].
func (d *Dashboard) summary(ctx context.Context, in *turn) cached {
	seen := d.fleetIn(ctx, in, 0)
	if seen.data == nil {
		return seen
	}
	numbers, err := d.withWorkerSummary(ctx, in, seen.data.(fleet).Summary)
	seen.data, seen.err = numbers, cmp.Or(seen.err, err)
	return seen
}

func (d *Dashboard) withWorkerSummary(ctx context.Context, in *turn, s summary) (summary, error) {
	c, err := d.workerSummary(ctx, in)
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
	all.Summary, err = d.withWorkerSummary(ctx, nil, all.Summary)
	return all, err
}

// fleet returns the queues as they were within the last second: all pages and streams show the same reading.
func (d *Dashboard) fleet(ctx context.Context) cached {
	return d.fleetFrom(ctx, 0)
}

// fleetMost is how many queues are read for one page.
const fleetMost = 100

// fleetFrom returns a page of the queues, see [inspect.Inspector.Fleet].
func (d *Dashboard) fleetFrom(ctx context.Context, first int) cached {
	return d.fleetIn(ctx, nil, first)
}

func (d *Dashboard) fleetIn(ctx context.Context, in *turn, first int) cached {
	return d.cache.getIn(ctx, in, "fleet "+strconv.Itoa(first), d.cfg.Now, func(ctx context.Context) (any, error) {
		return d.readFleet(ctx, first)
	})
}

// fleetOrder are the names of all queues.
type fleetOrder []string

// FreshFor is half a millisecond for each queue, if all were looked at.
func (o fleetOrder) FreshFor() time.Duration {
	if len(o) <= fleetMost {
		return 0
	}
	return time.Duration(len(o)) * time.Millisecond / 2
}

func (d *Dashboard) readFleet(ctx context.Context, first int) (fleet, error) {
	began := d.cfg.Now()
	seen := d.cache.get(ctx, "order of queues", d.cfg.Now, func(ctx context.Context) (any, error) {
		names, err := d.inspector.FleetOrder(ctx, fleetMost)
		return fleetOrder(names), err
	})
	if seen.err != nil {
		return fleet{}, seen.err
	}
	page := inspect.PageOf(seen.data.(fleetOrder), first, fleetMost)
	evicted, err := d.inspector.Evictions(ctx)
	if err != nil {
		return fleet{}, err
	}
	all := fleet{rates: map[string]inspect.Stat{}, Total: page.Total, First: page.First, Next: page.Next()}
	all.Summary.Evicted = evicted.Keys
	read, err := d.readQueues(ctx, page.Names)
	if err != nil {
		return fleet{}, err
	}
	for k, one := range read {
		if one.err != nil { // it does not hide the others
			all.Broken = append(all.Broken, brokenQueue{page.Names[k], shownText(one.err)})
			continue
		}
		all.Queues = append(all.Queues, one.info)
		all.rates[page.Names[k]] = one.rates
		all.Summary.add(one.info, one.rates)
	}
	all.took = d.cfg.Now().Sub(began)
	return all, nil
}

// fleetOld is how old the numbers of queues may be because it takes long to read them.
const fleetOld = 2 * time.Second

// FreshFor is four times as long as the reading took.
func (f fleet) FreshFor() time.Duration { return min(4*f.took, fleetOld) }

// readQueue is a queue as it was read, or why it could not be.
type readQueue struct {
	info  inspect.QueueInfo
	rates inspect.Stat
	err   error
}

const queuesAtOnce = 8 // that are read

// readQueues reads queues. It fails when Redis does not answer.
func (d *Dashboard) readQueues(ctx context.Context, names []string) ([]readQueue, error) {
	read := make([]readQueue, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(queuesAtOnce)
	for k, name := range names {
		group.Go(func() error {
			one := &read[k]
			if one.info, one.err = d.inspector.Queue(ctx, name); one.err == nil {
				one.rates, one.err = d.rates(ctx, name)
			}
			if redisx.IsAway(one.err) {
				return one.err
			}
			return nil
		})
	}
	return read, group.Wait()
}

// rateWindow is how far back rates look, at least: a minute's counts are written as it goes on.
const rateWindow = 20 * time.Second

// rates returns what a queue does in a minute, at the rate of this minute; in its first seconds, of rateWindow.
// Of jobs that take milliseconds, counts of this moment are 0 most of the time.
func (d *Dashboard) rates(ctx context.Context, name string) (inspect.Stat, error) {
	now := d.cfg.Now()
	minute := now.Truncate(time.Minute)
	stats, err := d.inspector.Stats(ctx, name, minute.Add(-time.Minute), minute.Add(time.Second), time.Minute)
	if err != nil || len(stats) != 2 {
		return inspect.Stat{}, err
	}
	return rateOf(stats[0], stats[1], now.Sub(minute)), nil
}

// rateOf makes counts in a minute of those of the minute before, and of this one, of which so much has passed.
func rateOf(before, current inspect.Stat, passed time.Duration) inspect.Stat {
	ofBefore := max(rateWindow-passed, 0).Minutes()
	inMinute := func(b, c int64) int64 {
		return int64(math.Round((float64(b)*ofBefore + float64(c)) / max(passed, rateWindow).Minutes()))
	}
	return inspect.Stat{
		Done: inMinute(before.Done, current.Done), Failed: inMinute(before.Failed, current.Failed),
	}
}

// PerMinute returns what a queue does in a minute.
func (f fleet) PerMinute(name string) inspect.Stat { return f.rates[name] }

func (s *summary) add(q inspect.QueueInfo, rates inspect.Stat) {
	s.Done += rates.Done
	s.Failed += rates.Failed
	s.Waiting += q.Waiting
	s.InFlight += q.InFlight
	s.Delayed += q.Delayed
	s.Retrying += q.Retrying
	s.Dead += q.Dead
	s.Cancelled += q.Cancelled
	s.Expired += q.Expired
	s.OldestWaiting = max(s.OldestWaiting, q.OldestWaiting)
}
