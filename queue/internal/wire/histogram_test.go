package wire

import (
	"slices"
	"strconv"
	"testing"
	"time"
)

// The bounds rise, each by a third at the most, from a millisecond to nine days; the coarse ones of before are among
// them.
func TestBucketsAreFineUpToDays(t *testing.T) {
	t.Parallel()
	for k, bound := range BucketBounds {
		if k > 0 && (bound <= BucketBounds[k-1] || bound > BucketBounds[k-1]*4/3+1) {
			t.Errorf("%s is behind %s", bound, BucketBounds[k-1])
		}
		if BucketOf(bound) != k || BucketOf(bound+1) != k+1 {
			t.Errorf("%s is in bucket %d", bound, BucketOf(bound))
		}
	}
	if first, last := BucketBounds[0], BucketBounds[Buckets-2]; first != time.Millisecond || last < 9*24*time.Hour {
		t.Errorf("from %s to %s", first, last)
	}
	for _, bound := range coarseBounds {
		if !slices.Contains(BucketBounds[:], bound) {
			t.Errorf("%s is no bound any more", bound)
		}
	}
	if BucketOf(-1) != 0 || BucketOf(1<<63-1) != Buckets-1 {
		t.Error("a time beyond the bounds is in no bucket")
	}
}

// A coarse count is spread over the buckets of its range to the last one, and the sum up to each bound never falls as
// it grows: Prometheus takes a falling counter for a restart.
func TestACoarseCountIsSpread(t *testing.T) {
	t.Parallel()
	for coarse := range firstFine {
		field, before := strconv.Itoa(coarse), [Buckets]int64{}
		for n := range int64(50) {
			var counts, sums [Buckets]int64
			if !AddBucket(&counts, field, n) {
				t.Fatalf("%s is no bucket", field)
			}
			total := int64(0)
			for k, count := range counts {
				total += count
				sums[k] = total
				if sums[k] < before[k] || count > 0 && (coarse > 0 && k <= BucketOf(coarseBounds[coarse-1])) {
					t.Fatalf("%d in %s: %v", n, field, counts)
				}
			}
			if total != n || coarse < len(coarseBounds) && sums[BucketOf(coarseBounds[coarse])] != n {
				t.Errorf("%d in %s became %v", n, field, counts)
			}
			before = sums
		}
	}
	var counts [Buckets]int64
	if AddBucket(&counts, "5", 1<<62); counts[BucketOf(coarseBounds[5])] <= 0 {
		t.Errorf("a large count became %v", counts)
	}
}
