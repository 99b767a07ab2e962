package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Histogram counts durations in the buckets of [HistogramBounds].
type Histogram struct {
	Counts [buckets]int64 `json:"counts"` // of each bucket alone; the last one's has no bound
	Sum    time.Duration  `json:"sum_ns"`
}

// Count is how many durations there are.
func (h *Histogram) Count() int64 {
	n := int64(0)
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Quantile estimates the duration that a part q of them, from 0 to 1, does not exceed, as if those of a bucket were
// spread evenly in it. What lies beyond the last bound is taken for that bound. 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank, seen, from := q*float64(h.Count()), 0.0, time.Duration(0)
	for k, bound := range HistogramBounds {
		if n := float64(h.Counts[k]); n > 0 && seen+n >= rank {
			return from + time.Duration(float64(bound-from)*max(rank-seen, 0)/n)
		}
		seen += float64(h.Counts[k])
		from = bound
	}
	if seen == float64(h.Count()) {
		return 0
	}
	return from
}

// Stat is what happened in a queue in one step of time.
type Stat struct {
	At          time.Time `json:"at"` // when the step begins
	Done        int64     `json:"done"`
	Failed      int64     `json:"failed"` // failed attempts, those that end a job included
	Snoozed     int64     `json:"snoozed"`
	Dead        int64     `json:"dead"`
	Redelivered int64     `json:"redelivered"` // runs of jobs that had been delivered before
	Reclaimed   int64     `json:"reclaimed"`   // jobs taken from workers that died
	LeaseLost   int64     `json:"lease_lost"`  // workers that lost their lease
	Run         Histogram `json:"run"`         // how long handlers ran
	Wait        Histogram `json:"wait"`        // how long jobs were ready before they were first started

	// How many jobs there were when the caretaker last looked in the step; -1 if none did.
	Waiting  int64 `json:"waiting"`
	InFlight int64 `json:"in_flight"`
}

const (
	statsAtOnce = 100  // hashes in one round trip
	statsMost   = 1500 // hashes for one series: the minutes of a day, and some
)

// Stats returns what happened in a queue between two instants, step by step, from the counts that its workers keep:
// minutes for 26 hours, hours for 8 days. A step is a number of minutes or, to look further back, of hours; the series
// begins with the step that from is in. It costs one read for each minute or hour, 1,500 at the most. Steps without
// work are zero.
func (i *Inspector) Stats(ctx context.Context, queue string, from, to time.Time, step time.Duration) ([]Stat, error) {
	stats, err := i.stats(ctx, queue, from, to, step)
	if err != nil {
		return nil, fmt.Errorf("queue: stats of %s: %w", queue, err)
	}
	return stats, nil
}

func (i *Inspector) stats(ctx context.Context, queue string, from, to time.Time, step time.Duration) ([]Stat, error) {
	unit, key := time.Minute, keys.minute
	if step >= time.Hour && step%time.Hour == 0 {
		unit, key = time.Hour, keys.hour
	}
	if step < time.Minute || step%unit != 0 {
		return nil, fmt.Errorf("step %s: want a number of minutes or hours", step)
	}
	first := from.UTC().Truncate(step)
	n := int((to.Sub(first) + unit - 1) / unit)
	if n <= 0 || n > statsMost {
		return nil, fmt.Errorf("from %s to %s in steps of %s: want 1 to %d times %s", from, to, step, statsMost, unit)
	}
	p, err := i.find(ctx, queue)
	if err != nil {
		return nil, err
	}
	series := make([]Stat, 0, n*int(unit)/int(step)+1)
	for start := 0; start < n; start += statsAtOnce {
		pipe := i.rdb.Pipeline()
		var hashes []*redis.MapStringStringCmd
		for k := start; k < min(start+statsAtOnce, n); k++ {
			hashes = append(hashes, pipe.HGetAll(ctx, key(p.keys, first.Add(time.Duration(k)*unit))))
		}
		if err := execute(ctx, pipe); err != nil {
			return nil, err
		}
		for k, hash := range hashes {
			at := first.Add(time.Duration(start+k) * unit).Truncate(step)
			if len(series) == 0 || !series[len(series)-1].At.Equal(at) {
				series = append(series, Stat{At: at, Waiting: -1, InFlight: -1})
			}
			series[len(series)-1].addHash(hash.Val())
		}
	}
	return series, nil
}

// addHash adds the counts of a minute or an hour.
func (s *Stat) addHash(fields map[string]string) {
	for field, text := range fields {
		n, _ := strconv.ParseInt(text, 10, 64)
		switch field {
		case "waiting":
			s.Waiting = n
		case "in_flight":
			s.InFlight = n
		default:
			if to := s.counter(field); to != nil {
				*to += n
			} else {
				addSpan(&s.Run, &s.Wait, field, n)
			}
		}
	}
}

func (s *Stat) counter(field string) *int64 {
	switch field {
	case "done":
		return &s.Done
	case "failed":
		return &s.Failed
	case "snoozed":
		return &s.Snoozed
	case "dead":
		return &s.Dead
	case "redelivered":
		return &s.Redelivered
	case "reclaimed":
		return &s.Reclaimed
	case "lease_lost":
		return &s.LeaseLost
	}
	return nil
}

// addSpan adds a field of a histogram: run_us, wait_us, run:<bucket> or wait:<bucket>.
func addSpan(run, wait *Histogram, field string, n int64) {
	name, bucket, isBucket := strings.Cut(field, ":")
	name, isSum := strings.CutSuffix(name, "_us")
	h := run
	if name == "wait" {
		h = wait
	}
	if isSum {
		h.Sum += time.Duration(n) * time.Microsecond
		return
	}
	if k, err := strconv.Atoi(bucket); isBucket && err == nil && k >= 0 && k < buckets {
		h.Counts[k] += n
	}
}

// KindMetrics is what workers did with the jobs of one kind since the queue was created.
type KindMetrics struct {
	Kind    string    `json:"kind"` // "~unknown" for all that had no handler
	Done    int64     `json:"done"`
	Failed  int64     `json:"failed"` // failed attempts, those that end a job included
	Snoozed int64     `json:"snoozed"`
	Dead    int64     `json:"dead"`
	Run     Histogram `json:"run"`
	Wait    Histogram `json:"wait"`
}

// QueueMetrics is what workers did in a queue since it was created. Workers write it with their beats, so one that is
// killed loses half a second of it: [Totals] are exact, these are for rates.
type QueueMetrics struct {
	Kinds       []KindMetrics `json:"kinds"` // by name
	Redelivered int64         `json:"redelivered"`
	Reclaimed   int64         `json:"reclaimed"`
	LeaseLost   int64         `json:"lease_lost"`
	Caretaker   string        `json:"caretaker"` // the worker that does the queue's chores; "" if none
}

// Metrics reads what workers did in a queue. It is a few dozen numbers for each kind that they know.
func (i *Inspector) Metrics(ctx context.Context, queue string) (QueueMetrics, error) {
	metrics, err := i.metrics(ctx, queue)
	if err != nil {
		return QueueMetrics{}, fmt.Errorf("queue: metrics of %s: %w", queue, err)
	}
	return metrics, nil
}

func (i *Inspector) metrics(ctx context.Context, queue string) (m QueueMetrics, err error) {
	p, err := i.find(ctx, queue)
	if err != nil {
		return m, err
	}
	kinds, others := map[string]*KindMetrics{}, Stat{}
	for cursor := uint64(0); ; {
		pairs, next, err := i.rdb.HScan(ctx, p.keys.metrics(), cursor, "", chunkJobs).Result()
		if err != nil {
			return m, err
		}
		for k := 0; k+1 < len(pairs); k += 2 {
			readMetric(kinds, &others, pairs[k], pairs[k+1])
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	for _, k := range kinds {
		m.Kinds = append(m.Kinds, *k)
	}
	slices.SortFunc(m.Kinds, func(a, b KindMetrics) int { return strings.Compare(a.Kind, b.Kind) })
	m.Redelivered, m.Reclaimed, m.LeaseLost = others.Redelivered, others.Reclaimed, others.LeaseLost
	m.Caretaker, err = i.rdb.Get(ctx, p.keys.caretaker()).Result()
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	return m, err
}

// readMetric takes in a field: <name>, <outcome>:<kind>, run_us:<kind> or run:<bucket>:<kind>. A scan may bring a field
// twice, so a value is set, not added.
func readMetric(kinds map[string]*KindMetrics, others *Stat, field, text string) {
	n, _ := strconv.ParseInt(text, 10, 64)
	name, kind, ofKind := strings.Cut(field, ":")
	if !ofKind {
		if to := others.counter(field); to != nil {
			*to = n
		}
		return
	}
	if name == "run" || name == "wait" {
		bucket, rest, _ := strings.Cut(kind, ":")
		name, kind = name+":"+bucket, rest
	}
	k := kinds[kind]
	if k == nil {
		k = &KindMetrics{Kind: kind}
		kinds[kind] = k
	}
	switch name {
	case "done":
		k.Done = n
	case "failed":
		k.Failed = n
	case "snoozed":
		k.Snoozed = n
	case "dead":
		k.Dead = n
	default:
		var run, wait Histogram
		addSpan(&run, &wait, name, n)
		k.Run.set(&run)
		k.Wait.set(&wait)
	}
}

// set takes over the one number that other has.
func (h *Histogram) set(other *Histogram) {
	for k, n := range other.Counts {
		if n != 0 {
			h.Counts[k] = n
		}
	}
	if other.Sum != 0 {
		h.Sum = other.Sum
	}
}
