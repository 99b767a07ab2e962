package dashboard

import (
	"context"
	"html/template"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

// window is how far back the charts look.
type window struct {
	Name  string
	Long  time.Duration
	Step  time.Duration
	Fresh time.Duration // how long what was read is shown
	Time  string        // the format of the times below a chart
}

var windows = []window{
	{"1h", time.Hour, time.Minute, 5 * time.Second, "15:04"},
	{"24h", 24 * time.Hour, 20 * time.Minute, time.Minute, "Mon 15:04"},
	{"7d", 7 * 24 * time.Hour, 2 * time.Hour, 5 * time.Minute, "2 Jan"},
}

// overview is every queue now, and what all or one of them did lately.
type overview struct {
	fleet
	Queue  string         `json:"queue,omitempty"` // the one that the series is of; all if empty
	Span   string         `json:"span"`
	Series []inspect.Stat `json:"series"`
	window window
}

func (o overview) FreshFor() time.Duration { return 0 } // the parts have their own

var overviewPage = page{section: "overview", title: "Overview", template: "overview", query: []string{"queue", "span"},
	load: loadOverview}

func loadOverview(ctx context.Context, d *Dashboard, r *Request) (any, error) {
	all, err := d.fleetWithWorkers(ctx)
	if err != nil {
		return nil, err
	}
	o := overview{fleet: all, Queue: r.Get("queue"), Span: r.Get("span")}
	if o.Span == "" {
		o.Span = windows[0].Name
	}
	at := slices.IndexFunc(windows, func(w window) bool { return w.Name == o.Span })
	if at < 0 {
		return nil, BadRequest("span is 1h, 24h or 7d, not %q", o.Span)
	}
	o.window = windows[at]
	names := []string{o.Queue}
	if o.Queue == "" {
		names = nil
		for _, q := range o.Queues {
			if q.Workers > 0 || q.Totals != (inspect.Totals{}) { // else it has done nothing
				names = append(names, q.Name)
			}
		}
	}
	for _, name := range names {
		series, err := d.series(ctx, name, o.window)
		if err != nil {
			return nil, err
		}
		o.Series = addSeries(o.Series, series)
	}
	return o, nil
}

// series returns what a queue did lately.
func (d *Dashboard) series(ctx context.Context, name string, w window) ([]inspect.Stat, error) {
	seen := d.cache.get(ctx, "series of "+name+" "+w.Name, d.cfg.Now, func(ctx context.Context) (any, error) {
		now := d.cfg.Now()
		stats, err := d.inspector.Stats(ctx, name, now.Add(-w.Long), now, w.Step)
		return series{stats, w.Fresh}, err
	})
	if seen.err != nil {
		return nil, seen.err
	}
	return seen.data.(series).stats, nil
}

type series struct {
	stats []inspect.Stat
	fresh time.Duration
}

func (s series) FreshFor() time.Duration { return s.fresh }

// addSeries adds up two series of the same steps. One may be a step ahead of the other.
func addSeries(sum, more []inspect.Stat) []inspect.Stat {
	if sum == nil {
		return slices.Clone(more)
	}
	for _, stat := range more {
		at := slices.IndexFunc(sum, func(other inspect.Stat) bool { return other.At.Equal(stat.At) })
		if at >= 0 {
			addStat(&sum[at], stat)
		}
	}
	return sum
}

func addStat(sum *inspect.Stat, more inspect.Stat) {
	sum.Done += more.Done
	sum.Failed += more.Failed
	sum.Snoozed += more.Snoozed
	sum.Dead += more.Dead
	sum.Cancelled += more.Cancelled
	sum.Expired += more.Expired
	sum.Redelivered += more.Redelivered
	sum.Reclaimed += more.Reclaimed
	sum.LeaseLost += more.LeaseLost
	sum.Waiting = addKnown(sum.Waiting, more.Waiting)
	sum.InFlight = addKnown(sum.InFlight, more.InFlight)
	for k := range sum.Run.Counts {
		sum.Run.Counts[k] += more.Run.Counts[k]
		sum.Wait.Counts[k] += more.Wait.Counts[k]
	}
}

// addKnown adds gauges, -1 where nobody looked.
func addKnown(a, b int64) int64 {
	switch {
	case a < 0:
		return b
	case b < 0:
		return a
	}
	return a + b
}

// Charts draws the series. A step that is not over is left out: it would look like a drop.
func (o overview) Charts() []template.HTML {
	stats := o.Series
	if n := len(stats); n > 1 {
		stats = stats[:n-1]
	}
	if len(stats) == 0 {
		return nil
	}
	draw := func(name, class string, value func(inspect.Stat) float64) Line {
		l := Line{Name: name, Class: class}
		for _, s := range stats {
			l.Values = append(l.Values, value(s))
		}
		return l
	}
	perMinute := func(n int64) float64 { return float64(n) / o.window.Step.Minutes() }
	first, last := stats[0].At.Local().Format(o.window.Time), stats[len(stats)-1].At.Local().Format(o.window.Time)
	return []template.HTML{
		Chart("Jobs a minute", []Line{
			draw("done", "s-done", func(s inspect.Stat) float64 { return perMinute(s.Done) }),
			draw("failed", "s-failed", func(s inspect.Stat) float64 { return perMinute(s.Failed) }),
		}, first, last, plainNumber),
		Chart("Run time", []Line{
			draw("median", "s-p50", func(s inspect.Stat) float64 { return quantile(&s.Run, 0.5) }),
			draw("95 %", "s-p95", func(s inspect.Stat) float64 { return quantile(&s.Run, 0.95) }),
		}, first, last, seconds),
		Chart("Waiting and in flight", []Line{
			draw("waiting", "s-waiting", func(s inspect.Stat) float64 { return gauge(s.Waiting) }),
			draw("in flight", "s-inflight", func(s inspect.Stat) float64 { return gauge(s.InFlight) }),
		}, first, last, plainNumber),
		Chart("Waited before the start", []Line{
			draw("median", "s-p50", func(s inspect.Stat) float64 { return quantile(&s.Wait, 0.5) }),
			draw("95 %", "s-p95", func(s inspect.Stat) float64 { return quantile(&s.Wait, 0.95) }),
		}, first, last, seconds),
	}
}

func quantile(h *inspect.Histogram, q float64) float64 {
	if h.Count() == 0 {
		return math.NaN()
	}
	return h.Quantile(q).Seconds()
}

func gauge(n int64) float64 {
	if n < 0 {
		return math.NaN()
	}
	return float64(n)
}

func seconds(value float64) string { return span(time.Duration(value * float64(time.Second))) }

// plainNumber writes an axis' number: 1200 as 1.2 k.
func plainNumber(value float64) string {
	switch {
	case value >= 1e6:
		return strconv.FormatFloat(value/1e6, 'g', 3, 64) + " M"
	case value >= 1e4:
		return strconv.FormatFloat(value/1e3, 'g', 3, 64) + " k"
	}
	return strconv.FormatFloat(value, 'g', 4, 64)
}
