package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/navvy-go/navvy/queue"
)

// collector reads the queues' counts from Redis at each scrape, so that every monitor shows the same numbers and none
// keeps any.
type collector struct {
	inspector *queue.Inspector

	up, jobs, total, oldest, workers *prometheus.Desc
}

func newCollector(inspector *queue.Inspector) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("navvy_"+name, help, labels, nil)
	}
	return &collector{
		inspector: inspector,
		up:        desc("up", "Whether Redis answered this scrape: 1 if it did, 0 if it did not."),
		jobs:      desc("queue_jobs", "Jobs in the queue now, by state.", "queue", "state"),
		total:     desc("queue_jobs_total", "What has happened to the queue's jobs, by outcome.", "queue", "outcome"),
		oldest:    desc("queue_oldest_waiting_seconds", "How long the first waiting job has waited.", "queue"),
		workers:   desc("queue_workers", "Workers registered with the queue.", "queue"),
	}
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.up, c.jobs, c.total, c.oldest, c.workers} {
		out <- desc
	}
}

// Collect implements [prometheus.Collector]. When Redis fails, there is navvy_up 0 and no count: a count of 0 would be
// a lie.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), pageTimeout)
	defer cancel()
	infos, err := queueInfos(ctx, c.inspector)
	if err != nil {
		out <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, 0)
		return
	}
	out <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, 1)
	for _, info := range infos {
		c.queue(info, out)
	}
}

func (c *collector) queue(q queue.QueueInfo, out chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, append([]string{q.Name}, labels...)...)
	}
	gauge(c.jobs, float64(q.Waiting), string(queue.StateWaiting))
	gauge(c.jobs, float64(q.InFlight), string(queue.StateInFlight))
	gauge(c.jobs, float64(q.Delayed), string(queue.StateDelayed))
	gauge(c.jobs, float64(q.Retrying), string(queue.StateRetrying))
	gauge(c.jobs, float64(q.Dead), string(queue.StateDead))
	gauge(c.oldest, q.OldestWaiting.Seconds())
	gauge(c.workers, float64(q.Workers))

	counter := func(outcome string, value int64) {
		out <- prometheus.MustNewConstMetric(c.total, prometheus.CounterValue, float64(value), q.Name, outcome)
	}
	counter("done", q.Totals.Done)
	counter("retried", q.Totals.Retried)
	counter("snoozed", q.Totals.Snoozed)
	counter("dead", q.Totals.Dead)
	counter("promoted", q.Totals.Promoted)
	counter("requeued", q.Totals.Requeued)
	counter("deleted", q.Totals.Deleted)
}
