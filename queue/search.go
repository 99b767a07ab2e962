package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Found is a page of a search.
type SearchPage struct {
	JobPage
	Scanned   int64 `json:"scanned"`   // how many jobs were looked at for this page
	Total     int64 `json:"total"`     // how many jobs are in the state now, matching or not
	Truncated bool  `json:"truncated"` // the page ended because as much as Page.MaxScan allows was looked at: Next goes on from there
}

// DefaultMaxScan is how many jobs a page of a search looks at, at the most, unless [Page] says otherwise.
const DefaultMaxScan = 10_000

func (p Page) maxScan() int {
	if p.MaxScan <= 0 {
		return DefaultMaxScan
	}
	return p.MaxScan
}

// Search finds the jobs of a state that match a query, a page at a time: waiting and in flight, the oldest first;
// delayed and retrying, the next first; dead, those that died last first. It reads from Redis in small pieces, and
// looks at Page.MaxScan jobs for a page at the most, of which one with much data counts for one for each 2 KB: when
// fewer were found by then, the page says Truncated, and its cursor goes on with the search. A search for an ID goes
// straight to the job.
func (i *Inspector) Search(ctx context.Context, queue string, query Query, page Page) (SearchPage, error) {
	found, err := i.search(ctx, queue, query, page)
	if err != nil {
		return SearchPage{}, fmt.Errorf("queue: search %s: %w", queue, err)
	}
	return found, nil
}

func (i *Inspector) search(ctx context.Context, queue string, query Query, page Page) (SearchPage, error) {
	if err := query.validate(); err != nil {
		return SearchPage{}, err
	}
	if query.ID != "" {
		return i.searchID(ctx, queue, query)
	}
	p, err := i.find(ctx, queue)
	if err != nil {
		return SearchPage{}, err
	}
	found, err := i.scan(ctx, p, query.spec(i.now()), page)
	if err == nil {
		found.Total, err = i.count(ctx, p, query.State)
	}
	return found, err
}

// searchID finds at most one job.
func (i *Inspector) searchID(ctx context.Context, queue string, query Query) (SearchPage, error) {
	var found SearchPage
	job, p, err := i.locate(ctx, queue, query.ID)
	switch {
	case errors.Is(err, ErrNotFound) && p.keys.stream != "":
		found.Truncated = query.State == StateWaiting || query.State == StateInFlight
	case err != nil:
		return found, err
	default:
		found.Scanned = 1
		if job.State == query.State && query.match(&job, i.now()) {
			found.Jobs = append(found.Jobs, job)
		}
	}
	found.Total, err = i.count(ctx, p, query.State)
	return found, err
}

// count is how many jobs are in a state now.
func (i *Inspector) count(ctx context.Context, p place, state State) (int64, error) {
	switch state {
	case StateDelayed:
		return i.rdb.ZCard(ctx, p.keys.delayed()).Result()
	case StateRetrying:
		return i.rdb.ZCard(ctx, p.keys.retrying()).Result()
	case StateDead:
		return i.rdb.XLen(ctx, p.keys.dead()).Result()
	}
	pipe := i.rdb.Pipeline()
	length, pending := pipe.XLen(ctx, p.keys.stream), pipe.XPending(ctx, p.keys.stream, p.group())
	if _, err := pipe.Exec(ctx); ignoreNoGroup(err) != nil && !errors.Is(err, redis.Nil) {
		return 0, err
	}
	inFlight := int64(0)
	if pending.Err() == nil && pending.Val() != nil {
		inFlight = pending.Val().Count
	}
	if state == StateInFlight {
		return inFlight, nil
	}
	return max(length.Val()-inFlight, 0), nil
}

// Count is how many jobs match a query.
type Count struct {
	Matched   int64 `json:"matched"`   // at least so many; exactly, unless Truncated
	Scanned   int64 `json:"scanned"`   // how many were looked at
	Total     int64 `json:"total"`     // how many are in the state
	Truncated bool  `json:"truncated"` // there are more that were not looked at
}

// CountMatching counts the jobs that match a query, and looks at maxScan jobs at the most, as [Inspector.Search] does; 0
// is [DefaultMaxScan]. A query that asks for nothing but a state is answered at once.
func (i *Inspector) CountMatching(ctx context.Context, queue string, query Query, maxScan int) (Count, error) {
	count, err := i.countMatching(ctx, queue, query, Page{MaxScan: maxScan}.maxScan())
	if err != nil {
		return Count{}, fmt.Errorf("queue: count in %s: %w", queue, err)
	}
	return count, nil
}

func (i *Inspector) countMatching(ctx context.Context, queue string, query Query, maxScan int) (Count, error) {
	var count Count
	if query.isEverything() {
		p, err := i.find(ctx, queue)
		if err == nil {
			count.Total, err = i.count(ctx, p, query.State)
		}
		count.Matched = count.Total
		return count, errors.Join(query.validate(), err)
	}
	for page := (Page{Limit: maxPage}); ; {
		page.MaxScan = maxScan - int(count.Scanned)
		found, err := i.search(ctx, queue, query, page)
		if err != nil {
			return Count{}, err
		}
		count.Matched += int64(len(found.Jobs))
		count.Scanned += found.Scanned
		count.Total = found.Total
		if page.Cursor = found.Next; found.Next == "" {
			return count, nil
		}
		if found.Truncated || count.Scanned >= int64(maxScan) {
			count.Truncated = true
			return count, nil
		}
	}
}
