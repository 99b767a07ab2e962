package queuetest

import (
	"sync"
	"time"
)

// Clock is a clock that stands until a test advances it. Its method Now serves ClientConfig.Now and WorkerConfig.Now.
// What Redis itself forgets after a time, such as unique keys and results, goes by the clock of Redis.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that shows start, cut to a whole millisecond as the times in Redis are, so that a job that
// is enqueued with a delay is due when the clock was advanced by as much.
func NewClock(start time.Time) *Clock { return &Clock{now: start.Truncate(time.Millisecond)} }

// Now returns what the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock on by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
