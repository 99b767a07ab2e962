package inspect

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Stat is what happened in a queue in one step of time.
type Stat struct {
	At          time.Time `json:"at"` // when the step begins
	Done        int64     `json:"done"`
	Failed      int64     `json:"failed"` // failed attempts, those that end a job included
	Snoozed     int64     `json:"snoozed"`
	Dead        int64     `json:"dead"`
	Cancelled   int64     `json:"cancelled"`
	Expired     int64     `json:"expired"`
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
	unit, key := time.Minute, wire.Keys.Minute
	if step >= time.Hour && step%time.Hour == 0 {
		unit, key = time.Hour, wire.Keys.Hour
	}
	if step < time.Minute || step%unit != 0 {
		return nil, fmt.Errorf("step %s: want a number of minutes or hours", step)
	}
	first := from.UTC().Truncate(step)
	n := int((to.Sub(first) + unit - 1) / unit)
	if n <= 0 || n > statsMost {
		return nil, fmt.Errorf("from %s to %s in steps of %s: want 1 to %d times %s", from, to, step, statsMost, unit)
	}
	q, err := i.find(ctx, queue)
	if err != nil {
		return nil, err
	}
	series := make([]Stat, 0, n*int(unit)/int(step)+1)
	for start := 0; start < n; start += statsAtOnce {
		pipe := i.rdb.Pipeline()
		var hashes []*redis.MapStringStringCmd
		for k := start; k < min(start+statsAtOnce, n); k++ {
			hashes = append(hashes, pipe.HGetAll(ctx, key(q.Keys, first.Add(time.Duration(k)*unit))))
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
	inLanes := func(name string) (sum int64) {
		for _, field := range []string{name, name + ":high", name + ":low"} {
			n, _ := strconv.ParseInt(fields[field], 10, 64)
			sum += n
		}
		return sum
	}
	for field, text := range fields {
		n, _ := strconv.ParseInt(text, 10, 64)
		switch field {
		case "waiting":
			s.Waiting = inLanes("waiting")
		case "in_flight":
			s.InFlight = inLanes("in_flight")
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
	case "cancelled":
		return &s.Cancelled
	case "expired":
		return &s.Expired
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
	h := map[string]*Histogram{"run": run, "wait": wait}[name]
	if h == nil { // of a later version
		return
	}
	if isSum {
		h.Sum += time.Duration(n) * time.Microsecond
		return
	}
	if isBucket {
		wire.AddBucket(&h.Counts, bucket, n)
	}
}
