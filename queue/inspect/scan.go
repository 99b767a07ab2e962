package inspect

import (
	"cmp"
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// How much is read from Redis in one command: what it does in well under a millisecond, whatever the jobs' size.
const (
	firstChunk = 2         // before it is known how large the jobs are
	chunkJobs  = 32        // at the most: the next ones may be large, however small these were
	chunkBytes = 256 << 10 // of the jobs' data, about
)

// What is read of jobs at the most, however few they are.
const (
	scanBytes = 32 << 20 // for one page
	viewBytes = 8 << 20  // for one that is shown without what is large
	lookBytes = 4 << 20  // for one job that no guard leads to
)

// heavyJob is how much data makes a job count for two against [Page].MaxScan, so that large jobs do not make a page
// slow.
const heavyJob = 2 << 10

// scanSpec says which jobs of a state to keep.
type scanSpec struct {
	state     State
	match     func(*JobInfo) bool          // nil: all
	row       func(redis.XPendingExt) bool // in flight: looked at before the entry is read; nil: all
	entry     func(redis.XMessage) bool    // waiting and in flight: looked at before the entry is taken apart; nil: all
	consumer  string                       // in flight: only of this consumer; "" of all
	oneLane   bool                         // waiting and in flight: of the lane that the cursor names alone
	until     string                       // waiting and in flight: the end of the range of entries; "" for all
	countOnce bool                         // large jobs count once, too
	bytes     int                          // that are read at the most; 0: scanBytes
}

// scan walks through the jobs of a state in chunks that are cheap for Redis, and keeps those that match, until the
// page is full or as many were looked at as the page allows.
func (i *Inspector) scan(ctx context.Context, q *wire.QueueRef, s scanSpec, page Page) (SearchPage, error) {
	found, size := SearchPage{}, firstChunk
	found.Next = page.Cursor
	bytes := 0
	limit, budget := page.limit(), page.maxScan()
	for len(found.Jobs) < limit {
		n := min(size, budget)
		if s.match == nil {
			n = min(size, limit-len(found.Jobs))
		}
		if n <= 0 {
			found.Truncated = true
			return found, nil
		}
		c, err := i.chunk(ctx, q, s, found.Next, n)
		if err != nil {
			return SearchPage{}, err
		}
		measure(ctx, c.bytes)
		if full := found.take(c, s, limit); full {
			return found, nil
		}
		if found.Next = c.next; c.next == "" {
			return found, nil
		}
		if bytes += c.bytes; bytes > cmp.Or(s.bytes, scanBytes) {
			found.Truncated = true
			return found, nil
		}
		size, budget = nextChunk(c), budget-s.weight(c)
	}
	return found, nil
}

// take keeps what matches of a chunk. It reports whether the page was full before the chunk's end.
func (f *SearchPage) take(c chunk, s scanSpec, limit int) bool {
	for k := range c.jobs {
		job := &c.jobs[k]
		if s.match != nil && !s.match(job) {
			continue
		}
		f.Jobs = append(f.Jobs, job.shown())
		if len(f.Jobs) == limit && k < len(c.jobs)-1 {
			f.Next = job.cursor()
			f.Scanned += int64(k + 1)
			return true
		}
	}
	f.Scanned += int64(c.read)
	return false
}

// weight is what a chunk counts against the budget.
func (s scanSpec) weight(c chunk) int {
	if s.countOnce {
		return c.read
	}
	return max(c.read, c.bytes/heavyJob)
}

// nextChunk is how many jobs to read next, from the size of those just read.
func nextChunk(c chunk) int {
	if c.bytes == 0 {
		return chunkJobs
	}
	return max(1, min(chunkJobs, chunkBytes*c.read/c.bytes))
}
