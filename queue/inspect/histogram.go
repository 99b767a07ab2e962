package inspect

import (
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// HistogramBounds are the upper bounds of the buckets of each [Histogram]; one more bucket holds what took longer.
var HistogramBounds = wire.BucketBounds

// Histogram counts durations in the buckets of [HistogramBounds].
type Histogram struct {
	Counts [wire.Buckets]int64 `json:"counts"` // of each bucket alone; the last one's has no bound
	Sum    time.Duration       `json:"sum_ns"`
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
