package queue

import (
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// A full Redis refuses what a job's move would add. The move then waits for room, in its slot: retries become slow, and
// jobs that are done make room. After a while it is made all the same, with everything cut that it can do without: it
// adds little more than it takes away.
//
// Why: docs/decisions/engine.md#a-full-redis-slows-retries-and-cuts-what-they-add
const (
	roomPatience = time.Second      // how long a move waits for room
	cutText      = 64               // bytes of a text are kept: of an error as many as the job had before, if more
	fullReported = 10 * time.Second // how often it is reported
)

// isFull reports whether Redis has refused a command because it has reached its maxmemory.
func isFull(err error) bool {
	var reply redis.Error
	return redis.HasErrorPrefix(err, "OOM") || // within a script, before Redis 7:
		errors.As(err, &reply) && strings.Contains(reply.Error(), "OOM command not allowed")
}

// fullness is when Redis was full last, and when that was reported last, on the monotonic clock.
type fullness struct{ refused, reported atomic.Int64 }

// isFull reports whether Redis was full a moment ago.
func (f *fullness) isFull() bool {
	last := f.refused.Load()
	return last > 0 && since(last) < fullFor
}

// isReportDue reports whether to report it once more.
func (f *fullness) isReportDue() bool {
	now, last := monotonic(), f.reported.Load()
	return (last == 0 || now-last > int64(fullReported)) && f.reported.CompareAndSwap(last, now)
}

// room waits, for one move, until it may be made in a full Redis.
type room struct {
	since int64 // when it was first refused, on the monotonic clock; 0 before
	cut   bool  // it may be made now, cut
}

// refused notes that Redis was full. It is asked again a few times until the move may be made.
func (r *room) refused(backoff *reconnectBackoff, full *fullness) {
	full.refused.Store(monotonic())
	backoff.most = min(backoff.most, roomPatience/4)
	if r.since == 0 {
		r.since = monotonic()
	}
	r.cut = since(r.since) >= roomPatience
}

// cutError is what is kept of an error's text in a full Redis: no more than the job had there before.
func cutError(text, before string) string {
	most := max(len(before), cutText)
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}
