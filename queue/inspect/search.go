package inspect

import (
	"context"
	"errors"
	"fmt"
)

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
	for k := range found.Jobs {
		if page.MaxData > 0 {
			found.Jobs[k] = found.Jobs[k].WithoutLarge(page.MaxData)
		}
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
	q, err := i.find(ctx, queue)
	if err != nil {
		return SearchPage{}, err
	}
	spec := query.spec(i.now())
	if page.MaxData > 0 {
		spec.bytes = viewBytes
	}
	found, err := i.scan(ctx, q, spec, page)
	if err != nil {
		return found, err
	}
	found.Total, err = i.count(ctx, q, query.State)
	return found, err
}

// searchID finds at most one job.
func (i *Inspector) searchID(ctx context.Context, queue string, query Query) (SearchPage, error) {
	var found SearchPage
	job, q, err := i.locate(ctx, queue, query.ID)
	switch {
	case errors.Is(err, ErrNotFound) && q != nil:
	case errors.Is(err, ErrNotSeen):
		found.Truncated = query.State == StateWaiting || query.State == StateInFlight
	case err != nil:
		return found, err
	default:
		found.Scanned = 1
		if job.State == query.State && query.match(&job, i.now()) {
			found.Jobs = append(found.Jobs, job)
		}
	}
	found.Total, err = i.count(ctx, q, query.State)
	return found, err
}

// Count is how many jobs match a query.
type Count struct {
	Matched   int64 `json:"matched"`   // at least so many; exactly, unless Truncated
	Scanned   int64 `json:"scanned"`   // how many were looked at
	Total     int64 `json:"total"`     // how many are in the state
	Truncated bool  `json:"truncated"` // there are more that were not looked at
}

// CountMatching counts the jobs that match a query, and looks at maxScan jobs at the most, as [Inspector.Search] does;
// 0 is [DefaultMaxScan]. A query that asks for nothing but a state is answered at once.
func (i *Inspector) CountMatching(ctx context.Context, queue string, query Query, maxScan int) (Count, error) {
	count, err := i.countMatching(ctx, queue, query, Page{MaxScan: maxScan}.maxScan())
	if err != nil {
		return Count{}, fmt.Errorf("queue: count in %s: %w", queue, err)
	}
	return count, nil
}

func (i *Inspector) countMatching(ctx context.Context, queue string, query Query, maxScan int) (Count, error) {
	if query.isEverything() {
		return i.countEverything(ctx, queue, query)
	}
	var count Count
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

// countEverything answers from how many jobs the state has.
func (i *Inspector) countEverything(ctx context.Context, queue string, query Query) (Count, error) {
	if err := query.validate(); err != nil {
		return Count{}, err
	}
	q, err := i.find(ctx, queue)
	if err != nil {
		return Count{}, err
	}
	total, err := i.count(ctx, q, query.State)
	return Count{Total: total, Matched: total}, err
}
