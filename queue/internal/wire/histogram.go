package wire

import "time"

// bucketBounds are the upper bounds of the buckets of a histogram; one more bucket holds what took longer.
var BucketBounds = [...]time.Duration{
	time.Millisecond, 3 * time.Millisecond, 10 * time.Millisecond, 30 * time.Millisecond,
	100 * time.Millisecond, 300 * time.Millisecond, time.Second, 3 * time.Second,
	10 * time.Second, 30 * time.Second, 100 * time.Second, 300 * time.Second,
}

// buckets is how many buckets a histogram has.
const Buckets = len(BucketBounds) + 1

// bucketOf returns the bucket of a duration.
func BucketOf(d time.Duration) int {
	for k, bound := range BucketBounds {
		if d <= bound {
			return k
		}
	}
	return Buckets - 1
}
