package wire

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// coarseBounds are the bounds of the buckets that versions before 0.2 count in, as fields 0 to 12: the first of what
// they have written stays readable, and their workers may run beside newer ones.
var coarseBounds = [...]time.Duration{
	time.Millisecond, 3 * time.Millisecond, 10 * time.Millisecond, 30 * time.Millisecond,
	100 * time.Millisecond, 300 * time.Millisecond, time.Second, 3 * time.Second,
	10 * time.Second, 30 * time.Second, 100 * time.Second, 300 * time.Second,
}

// firstFine is the number of the first of today's buckets in a field's name: those before are the coarse ones.
const firstFine = len(coarseBounds) + 1

// decades and stepsOfTen make the bounds: ten for each power of ten, from 1 ms to 9 days. Every coarse bound is one.
const decades = 9

var stepsOfTen = [...]time.Duration{100, 125, 150, 200, 250, 300, 400, 500, 600, 800}

// BucketBounds are the upper bounds of the buckets of a histogram; one more bucket holds what took longer.
var BucketBounds = func() (bounds [decades * len(stepsOfTen)]time.Duration) {
	unit := time.Millisecond / stepsOfTen[0]
	for k := range bounds {
		bounds[k] = stepsOfTen[k%len(stepsOfTen)] * unit
		if k%len(stepsOfTen) == len(stepsOfTen)-1 {
			unit *= 10
		}
	}
	return bounds
}()

// Buckets is how many buckets a histogram has.
const Buckets = decades*len(stepsOfTen) + 1

// BucketOf returns the bucket of a duration.
func BucketOf(d time.Duration) int {
	k, _ := slices.BinarySearch(BucketBounds[:], d)
	return k
}

// BucketField returns the name of the field in which a bucket of a histogram is counted.
func BucketField(histogram string, bucket int) string {
	return histogram + ":" + strconv.Itoa(firstFine+bucket)
}

// AddBucket adds what stands in a field that [BucketField] named, without the histogram's name, to the counts of the
// buckets, and reports whether there is such a bucket. What a version before has counted in one coarse bucket is spread
// evenly over those of today.
func AddBucket(counts *[Buckets]int64, field string, n int64) bool {
	number, err := strconv.Atoi(field)
	switch {
	case err != nil || number < 0 || strings.HasPrefix(field, "+") || number >= firstFine+Buckets:
		return false
	case number >= firstFine:
		counts[number-firstFine] += n
		return true
	}
	from, to := fineBuckets(number)
	for k, before := from, int64(0); k < to; k++ {
		upTo := share(n, k-from+1, to-from)
		counts[k] += upTo - before
		before = upTo
	}
	return true
}

// share is n·part/whole, rounded down, for any n: each bucket's sum rises with n.
func share(n int64, part, whole int) int64 {
	p, w := int64(part), int64(whole)
	return n/w*p + n%w*p/w
}

// fineBuckets returns the buckets that a coarse one covers. What was beyond the last coarse bound is in the first
// behind it.
func fineBuckets(coarse int) (from, to int) {
	if coarse > 0 {
		from = BucketOf(coarseBounds[coarse-1]) + 1
	}
	if coarse == len(coarseBounds) {
		return from, from + 1
	}
	return from, BucketOf(coarseBounds[coarse]) + 1
}
