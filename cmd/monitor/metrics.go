package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/inspect"
)

// collector reads the queues' counts from Redis at each scrape, so that every monitor shows the same numbers and none
// keeps any. A scrape costs a few commands for each queue, however many jobs it has.
type collector struct {
	inspector *inspect.Inspector

	up, jobs, total, oldest, held, workers, running, stuck, paused, caretaker *prometheus.Desc
	runs, dead, run, wait, redelivered, reclaimed, leaseLost, leftover        *prometheus.Desc
	readable, queues, unread, evicted                                         *prometheus.Desc

	mu      sync.Mutex
	last    fleetReading
	lastErr error
	at      time.Time
}

const (
	scrapeMost  = 500             // queues that have metrics of their own: each is a few dozen series
	fewQueues   = 100             // which are read at each scrape
	scrapeFresh = 5 * time.Second // scrapers that come within it are given the same
	scrapeLong  = 4 * time.Second // reading the queues; those that are left count as unread
)

// fleetReading is what a scrape reads.
type fleetReading struct {
	queues []reading
	total  int
}

func newCollector(inspector *inspect.Inspector) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("navvy_"+name, help, labels, nil)
	}
	return &collector{
		inspector: inspector,
		up:        desc("up", "Whether Redis answered this scrape: 1 if it did, 0 if it did not."),
		evicted:   desc("redis_evicted_keys_total", "Keys that Redis has deleted because it was full."),
		jobs:      desc("queue_jobs", "Jobs in the queue now, by state.", "queue", "state"),
		total:     desc("queue_jobs_total", "What has happened to the queue's jobs, by outcome.", "queue", "outcome"),
		oldest:    desc("queue_oldest_waiting_seconds", "How long the oldest job has waited that has not started.", "queue"),
		held: desc("queue_held", "Jobs in flight that have not started: held by workers without a slot, or parked.",
			"queue"),
		workers: desc("queue_workers", "Workers registered with the queue.", "queue"),
		running: desc("queue_slots_busy", "Slots of all workers that run jobs of the queue, as of their last beats.",
			"queue"),
		stuck:     desc("queue_handlers_stuck", "Handlers that ignore that their context was cancelled.", "queue"),
		paused:    desc("queue_paused", "Whether a person has paused the queue: 1 or 0.", "queue"),
		caretaker: desc("queue_has_caretaker", "Whether a worker does the queue's chores: 1 or 0.", "queue"),
		runs: desc("job_runs_total", "Runs that ended with an outcome of their own, by kind and outcome.", "queue",
			"kind", "outcome"),
		dead:        desc("jobs_dead_total", "Jobs that gave up, by kind.", "queue", "kind"),
		run:         desc("job_run_seconds", "How long handlers ran.", "queue", "kind"),
		wait:        desc("job_wait_seconds", "How long jobs were ready before they were first started.", "queue", "kind"),
		redelivered: desc("queue_redeliveries_total", "Runs of jobs that had been delivered before.", "queue"),
		reclaimed:   desc("queue_reclaimed_total", "Jobs taken from workers that died.", "queue"),
		leaseLost:   desc("queue_leases_lost_total", "Times that a worker lost its lease on the queue.", "queue"),
		leftover: desc("queue_leftover_entries", "Entries that other programs have acknowledged and not deleted.",
			"queue"),
		queues:   desc("queues", "Queues there are."),
		unread:   desc("queues_unread", "Queues that have no metrics of their own here: too many, or too slow."),
		readable: desc("queue_readable", "Whether the queue's keys could be read: 1, or 0 and no count of it.", "queue"),
	}
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		c.up, c.jobs, c.total, c.oldest, c.held, c.workers, c.running, c.stuck, c.paused, c.caretaker,
		c.runs, c.dead, c.run, c.wait, c.redelivered, c.reclaimed, c.leaseLost, c.leftover,
		c.readable, c.queues, c.unread, c.evicted,
	} {
		out <- desc
	}
}

// reading is what a scrape reads of one queue.
type reading struct {
	name    string
	broken  bool // something of it cannot be read: there is no count of it
	info    inspect.QueueInfo
	workers []inspect.WorkerInfo
	metrics inspect.QueueMetrics
}

// Collect implements [prometheus.Collector]. When Redis fails, there is navvy_up 0 and no count: a count of 0 would be
// a lie.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), pageTimeout)
	defer cancel()
	readings, err := c.current(ctx)
	if err != nil {
		out <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, 0)
		return
	}
	out <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, 1)
	out <- prometheus.MustNewConstMetric(c.queues, prometheus.GaugeValue, float64(readings.total))
	out <- prometheus.MustNewConstMetric(c.unread, prometheus.GaugeValue, float64(readings.total-len(readings.queues)))
	if evicted, err := c.inspector.Evictions(ctx); err == nil {
		out <- prometheus.MustNewConstMetric(c.evicted, prometheus.CounterValue, float64(evicted.Keys))
	}
	for _, r := range readings.queues {
		q := ofQueue{name: r.name, out: out}
		if q.gauge(c.readable, oneIf(!r.broken)); r.broken {
			continue
		}
		c.state(q, r)
		c.totals(q, r.info.Totals)
		c.work(q, r.metrics)
	}
}

// current reads for one scraper at a time.
func (c *collector) current(ctx context.Context) (fleetReading, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) >= scrapeFresh || len(c.last.queues) < fewQueues {
		c.last, c.lastErr = c.read(ctx)
		c.at = time.Now()
	}
	return c.last, c.lastErr
}

// read reads the queues with workers first.
func (c *collector) read(ctx context.Context) (fleetReading, error) {
	began := time.Now()
	page, err := c.inspector.Fleet(ctx, 0, scrapeMost)
	if err != nil {
		return fleetReading{}, err
	}
	all := fleetReading{total: page.Total}
	for _, name := range page.Names {
		if time.Since(began) > scrapeLong {
			break
		}
		one, err := c.readQueue(ctx, name)
		if redisx.IsAway(err) {
			return fleetReading{}, err
		}
		one.name, one.broken = name, err != nil
		all.queues = append(all.queues, one)
	}
	return all, nil
}

func (c *collector) readQueue(ctx context.Context, name string) (r reading, err error) {
	if r.info, err = c.inspector.Queue(ctx, name); err != nil {
		return r, err
	}
	if r.workers, err = c.inspector.Workers(ctx, name); err != nil {
		return r, err
	}
	r.metrics, err = c.inspector.Metrics(ctx, name)
	return r, err
}

// ofQueue sends the metrics of one queue.
type ofQueue struct {
	name string
	out  chan<- prometheus.Metric
}

func (q ofQueue) gauge(desc *prometheus.Desc, value float64, labels ...string) {
	q.out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, append([]string{q.name}, labels...)...)
}

func (q ofQueue) counter(desc *prometheus.Desc, value int64, labels ...string) {
	q.out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value),
		append([]string{q.name}, labels...)...)
}

func (q ofQueue) histogram(desc *prometheus.Desc, h inspect.Histogram, labels ...string) {
	const each = 5 // bounds: each is a series, and those of 1 and 3 of each power of ten are enough for a scraper
	cumulative, seen := make(map[float64]uint64, len(inspect.HistogramBounds)/each), int64(0)
	for k, bound := range inspect.HistogramBounds {
		seen += h.Counts[k]
		if k%each == 0 {
			cumulative[bound.Seconds()] = uint64(seen)
		}
	}
	q.out <- prometheus.MustNewConstHistogram(desc, uint64(h.Count()), h.Sum.Seconds(), cumulative,
		append([]string{q.name}, labels...)...)
}

// state is how the queue is now.
func (c *collector) state(q ofQueue, r reading) {
	q.gauge(c.jobs, float64(r.info.Waiting), string(inspect.StateWaiting))
	q.gauge(c.jobs, float64(r.info.InFlight), string(inspect.StateInFlight))
	q.gauge(c.jobs, float64(r.info.Delayed), string(inspect.StateDelayed))
	q.gauge(c.jobs, float64(r.info.Retrying), string(inspect.StateRetrying))
	q.gauge(c.jobs, float64(r.info.Dead), string(inspect.StateDead))
	q.gauge(c.jobs, float64(r.info.Cancelled), string(inspect.StateCancelled))
	q.gauge(c.jobs, float64(r.info.Expired), string(inspect.StateExpired))
	q.gauge(c.oldest, r.info.OldestWaiting.Seconds())
	q.gauge(c.held, float64(r.info.Held))
	q.gauge(c.leftover, float64(r.info.Leftover))
	q.gauge(c.workers, float64(r.info.Workers))
	running, stuck := 0, 0
	for _, w := range r.workers {
		running, stuck = running+w.Running, stuck+w.Stuck
	}
	q.gauge(c.running, float64(running))
	q.gauge(c.stuck, float64(stuck))
	q.gauge(c.paused, oneIf(r.info.Paused != nil))
	q.gauge(c.caretaker, oneIf(r.metrics.Caretaker != ""))
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// totals are exact: they change with the jobs.
func (c *collector) totals(q ofQueue, t inspect.Totals) {
	q.counter(c.total, t.Done, "done")
	q.counter(c.total, t.Retried, "retried")
	q.counter(c.total, t.Snoozed, "snoozed")
	q.counter(c.total, t.Dead, "dead")
	q.counter(c.total, t.Cancelled, "cancelled")
	q.counter(c.total, t.Promoted, "promoted")
	q.counter(c.total, t.Requeued, "requeued")
	q.counter(c.total, t.Deleted, "deleted")
	q.counter(c.total, t.Expired, "expired")
	q.counter(c.total, t.Discarded, "discarded")
}

// work is what the workers counted.
func (c *collector) work(q ofQueue, m inspect.QueueMetrics) {
	q.counter(c.redelivered, m.Redelivered)
	q.counter(c.reclaimed, m.Reclaimed)
	q.counter(c.leaseLost, m.LeaseLost)
	for _, k := range m.Kinds {
		q.counter(c.runs, k.Done, k.Kind, "done")
		q.counter(c.runs, k.Failed, k.Kind, "failed")
		q.counter(c.runs, k.Snoozed, k.Kind, "snoozed")
		q.counter(c.dead, k.Dead, k.Kind)
		q.histogram(c.run, k.Run, k.Kind)
		q.histogram(c.wait, k.Wait, k.Kind)
	}
}
