package main

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/navvy-go/navvy/queue/inspect"
)

const (
	topRows        = 200             // jobs on the screen, which scrolls
	topData        = 4 << 10         // bytes of each job's data
	topScan        = 2000            // jobs to look at in one reading: a filter must not cost more with every second
	topReadTimeout = 2 * time.Second // after it Redis is away
)

// pane is one of the screen's lists.
type pane int

const (
	paneQueues pane = iota
	paneWorkers
	panePending
	paneDead
	panes
)

// state is that of the pane's jobs, or "".
func (p pane) state() inspect.State {
	return [panes]inspect.State{panePending: inspect.StateInFlight, paneDead: inspect.StateDead}[p]
}

// scope is what the screen shows, and so what is read for it.
type scope struct {
	pane  pane
	queue string // whose jobs
	query string // which of them, see [inspect.ParseQuery]
	job   string // the job whose details are shown, or ""
}

// snapshot is what one reading found.
type snapshot struct {
	of      scope
	at      time.Time
	queues  []inspect.QueueInfo
	broken  error // of queues that cannot be read
	workers []inspect.WorkerInfo
	found   inspect.SearchPage
	job     inspect.JobInfo
	jobErr  error // of the details alone: the job is gone
	err     error
}

// topReader reads what the screen shows: one reading at a time, at each interval and when something else is to be seen.
type topReader struct {
	inspector *inspect.Inspector
	interval  time.Duration
	scopes    chan scope // the newest only
}

func newTopReader(inspector *inspect.Inspector, interval time.Duration) *topReader {
	return &topReader{inspector: inspector, interval: interval, scopes: make(chan scope, 1)}
}

// show asks for a reading of what is to be seen from now on. One goroutine may call it.
func (r *topReader) show(s scope) {
	select {
	case <-r.scopes: // an older wish that nobody has read
	default:
	}
	r.scopes <- s
}

// run reads until ctx ends.
func (r *topReader) run(ctx context.Context, send func(tea.Msg)) {
	ticker := time.NewTicker(r.interval)
	defer ticker.Stop()
	var shown scope
	for {
		select {
		case <-ctx.Done():
			return
		case shown = <-r.scopes:
		case <-ticker.C:
		}
		if got := r.read(ctx, shown); ctx.Err() == nil {
			send(got)
		}
	}
}

func (r *topReader) read(ctx context.Context, s scope) snapshot {
	ctx, cancel := context.WithTimeout(ctx, topReadTimeout)
	defer cancel()
	got := snapshot{of: s, at: time.Now()}
	if got.queues, got.broken, got.err = queueInfos(ctx, r.inspector); got.err != nil {
		return got
	}
	switch {
	case s.job != "":
		got.job, got.jobErr = r.inspector.Job(ctx, s.queue, s.job)
	case s.pane == paneWorkers:
		got.workers, got.err = workersOf(ctx, r.inspector, "")
	case s.pane.state() != "" && s.queue != "":
		got.found, got.err = r.search(ctx, s)
	}
	return got
}

func (r *topReader) search(ctx context.Context, s scope) (inspect.SearchPage, error) {
	query, err := s.parsed()
	if err != nil {
		return inspect.SearchPage{}, err
	}
	return r.inspector.Search(ctx, s.queue, query, inspect.Page{Limit: topRows, MaxScan: topScan, MaxData: topData})
}

// parsed is the query for the pane's jobs.
func (s scope) parsed() (inspect.Query, error) {
	query, err := inspect.ParseQuery(s.query)
	if err == nil && s.pane.state() != "" {
		query.State = s.pane.state()
	}
	return query, err
}
