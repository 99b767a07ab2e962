package queue

import (
	"math"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Bounds of what can be configured: beyond them it could not work, and is refused.
const (
	minLease = 500 * time.Millisecond
	maxLease = 24 * time.Hour // a crash would be noticed after it

	maxSlots  = 100_000   // each is a goroutine
	maxWeight = 1_000_000 // of a queue

	// maxData is what Redis takes as one value, 512 MB, less what a delayed job's body has besides.
	maxData = 500 << 20
)

// addDurations adds two durations that are not negative; what is more than a duration holds is the longest there is.
func addDurations(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// guardClock is the application's clock between 1970 and 9999, and the system's where that panics.
func guardClock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return func() (at time.Time) {
		defer func() {
			if recover() != nil {
				at = time.Now()
			}
		}()
		return wire.LimitTime(now())
	}
}

// guardJitter is the application's random number within [0,1), and 0.5 where it is none or its source panics.
func guardJitter(random func() float64) func() float64 {
	return func() (v float64) {
		defer func() {
			if recover() != nil || math.IsNaN(v) {
				v = 0.5
			}
		}()
		return min(max(random(), 0), math.Nextafter(1, 0))
	}
}
