package main

import (
	"slices"
	"sync"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// near is the side of a divided network on which the old master is.
const near = "near"

// entry is one job, by the ID that its producer chose.
type entry struct {
	queue   string
	side    string // of its producer
	durable bool
	acked   int64 // when Enqueue returned nil, Unix nanoseconds; 0: it did not
	runs    []*run
}

// How a run ended.
const (
	endedDone     = "done"
	endedFailed   = "failed"
	endedLost     = "lost"     // its context ended since the lease was lost
	endedReleased = "released" // its context ended since the worker stops
)

// run is one call of a handler.
type run struct {
	consumer  string
	side      string // of its worker
	attempt   int
	start     int64
	end       int64 // 0: it goes on
	how       string
	confirmed int64 // when Redis had acknowledged the outcome to the worker; 0: it did not
}

// place is where something happens.
type place struct{ queue, side string }

// ledger is what producers and handlers did, apart from Redis. Times are Unix nanoseconds of this machine, whatever
// Redis' clock says.
type ledger struct {
	mu     sync.Mutex
	jobs   map[string]*entry
	acks   map[place][]int64
	starts map[place][]int64
	leases map[string]int64   // by consumer: when it lost its lease
	done   map[string][]int64 // by queue: when handlers were about to return nil
	noted  map[string][]int64 // by queue: when Redis had acknowledged that
}

func newLedger() *ledger {
	return &ledger{
		jobs: map[string]*entry{}, acks: map[place][]int64{}, starts: map[place][]int64{}, leases: map[string]int64{},
		done: map[string][]int64{}, noted: map[string][]int64{},
	}
}

func now() int64 { return time.Now().UnixNano() }

// asks notes that a producer is about to enqueue a job.
func (l *ledger) asks(id, queue, side string, durable bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.jobs[id] = &entry{queue: queue, side: side, durable: durable}
}

// acknowledged notes that Enqueue returned nil.
func (l *ledger) acknowledged(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	job, at := l.jobs[id], now()
	job.acked = at
	where := place{job.queue, job.side}
	l.acks[where] = append(l.acks[where], at)
}

// begins notes that a handler has been called, of a job that is not known if it is not of these producers.
func (l *ledger) begins(r *queue.Run, side string) *run {
	l.mu.Lock()
	defer l.mu.Unlock()
	started := &run{consumer: r.Worker, side: side, attempt: r.Attempt, start: now()}
	job := l.jobs[r.ID]
	if job == nil {
		job = &entry{queue: r.Queue}
		l.jobs[r.ID] = job
	}
	job.runs = append(job.runs, started)
	where := place{r.Queue, side}
	l.starts[where] = append(l.starts[where], started.start)
	return started
}

// ends notes what a handler is about to return.
func (l *ledger) ends(name string, r *run, how string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.end, r.how = now(), how
	if how == endedDone {
		l.done[name] = append(l.done[name], r.end)
	}
}

// Observe notes what Redis has acknowledged to a worker.
func (l *ledger) Observe(e queue.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Type {
	case queue.EventLeaseLost:
		l.leases[e.Worker] = now()
	case queue.EventDone, queue.EventFailed:
		job := l.jobs[e.Job]
		if job == nil {
			return
		}
		if e.Type == queue.EventDone {
			l.noted[e.Queue] = append(l.noted[e.Queue], now())
		}
		for _, r := range slices.Backward(job.runs) {
			if r.consumer == e.Worker {
				r.confirmed = now()
				return
			}
		}
	}
}

// before counts how many times of a list lie before another one.
func before(times []int64, at int64) int64 {
	n, _ := slices.BinarySearch(times, at)
	return int64(n)
}

// shown returns between which bounds the number of done jobs of a queue lies that was read between two times, if Redis
// has kept all.
func (l *ledger) shown(name string, from, to int64) (least, most int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return before(l.noted[name], from), before(l.done[name], to)
}
