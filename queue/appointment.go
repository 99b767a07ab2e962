package queue

import (
	"sync/atomic"
	"time"
)

// appointment is for when a chore is arranged that is done at a certain time.
type appointment struct{ at atomic.Int64 } // on the monotonic clock

// set arranges the chore for so long from now.
func (a *appointment) set(wait time.Duration) { a.at.Store(monotonic() + int64(wait)) }

// bringForward arranges the chore for so long from now, and reports whether it was not arranged for that time or an
// earlier one.
func (a *appointment) bringForward(wait time.Duration) bool {
	now := monotonic()
	for at := now + int64(wait); ; {
		arranged := a.at.Load()
		if arranged > now && arranged <= at {
			return false
		}
		if a.at.CompareAndSwap(arranged, at) {
			return true
		}
	}
}
