package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/navvy-go/navvy/queue"
)

// workerEnv holds the orders of a worker process. The program runs itself again with it set, so that one binary is
// the whole harness.
const workerEnv = "NAVVY_TORTURE_WORKER"

// orders are what a worker process gets.
type orders struct {
	Name  string        `json:"name"`
	Dir   string        `json:"dir"`
	Addr  string        `json:"addr"`
	Lease time.Duration `json:"lease"`
}

const (
	slotsOfWorker = 20
	graceOfWorker = 2 * time.Second

	// Jobs that merely shared a process with a poison job, or with a process that the harness killed, are redelivered
	// like those that ended it: with the default of 3 some unlucky ones would be buried.
	maxCrashes = 6

	codeNoStart = 3 // exit status of a worker that could not reach Redis at its start
)

const unknownFor = 3 * time.Second // a job of an unknown kind is dead after that

var queues = map[string]queue.QueueConfig{
	"orders":  {Weight: 5, UnknownFor: unknownFor},
	"mails":   {Weight: 2, UnknownFor: unknownFor},
	"reports": {Weight: 1, UnknownFor: unknownFor},
}

// workerMain is the whole of a worker process; it returns the exit status.
func workerMain(text string) int {
	logging.Disable() // the ledger has it all
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	book, err := openLedger(o.Dir, o.Name)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	go func() { // whoever started this process has died: so does it
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := work(ctx, o, book); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return codeNoStart
	}
	if err := book.close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return 0
}

func work(ctx context.Context, o orders, book *ledger) error {
	rdb := redis.NewClient(&redis.Options{Addr: o.Addr})
	defer rdb.Close()
	s := &scribe{proc: o.Name, book: book}
	worker, err := queue.NewWorker(rdb, s.mux(), queue.WorkerConfig{
		Queues: queues, Concurrency: slotsOfWorker, Lease: o.Lease, Grace: graceOfWorker, MaxCrashes: maxCrashes,
		Name: o.Name, Observer: s,
	})
	if err != nil {
		return err
	}
	return worker.Run(ctx)
}

// scribe writes down what the handlers of a process do, and what its worker observes.
type scribe struct {
	proc string
	book *ledger
	runs atomic.Int64
}

func (s *scribe) mux() *queue.Mux {
	mux := queue.NewMux()
	policy := []queue.HandleOption{queue.MaxAttempts(maxAttempts), queue.Backoff(100*time.Millisecond, time.Second)}
	queue.HandleBatch(mux, s.runBatch, append(policy, queue.BatchOf(batchSize))...)
	for _, k := range kinds {
		if k.batch || k.name == kindStranger {
			continue
		}
		mux.HandleKind(k.name, func(ctx context.Context, run *queue.Run) error { return s.run(ctx, run, k) }, policy...)
	}
	return mux
}

// run is the handler of every kind that runs alone.
func (s *scribe) run(ctx context.Context, run *queue.Run, k kind) error {
	p, err := parse(run)
	if err != nil {
		return err
	}
	l := s.begins(run, p.Job, k.name)
	return s.ends(ctx, l, k.work(ctx, run, p))
}

// begins writes down that a handler has been called.
func (s *scribe) begins(run *queue.Run, job, kind string) line {
	l := line{
		Said: saidStart, Job: job, ID: run.ID, Kind: kind, Queue: run.Queue, Proc: s.proc, Consumer: run.Worker,
		Run: s.runs.Add(1), Attempt: run.Attempt, Redelivered: run.Redelivered,
	}
	s.book.write(l)
	return l
}

// ends writes down what the handler is about to return, and returns it.
func (s *scribe) ends(ctx context.Context, l line, result outcome) error {
	l.Said = result.said
	if result.err != nil {
		l.Note = result.err.Error()
	}
	if !result.until.IsZero() {
		l.Until = result.until.UnixNano()
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, queue.ErrLeaseLost) && result.err != nil:
		l.Said = saidLost
	case errors.Is(cause, queue.ErrStopping) && result.err != nil:
		l.Said = saidReleased
	}
	s.book.write(l)
	if result.leave != nil {
		result.leave()
	}
	return result.err
}

// Observe writes down what the engine says that Redis has confirmed, and what explains why a worker did what it did.
func (s *scribe) Observe(e queue.Event) {
	l := line{Said: saidNoted, Proc: s.proc, Consumer: e.Worker, Queue: e.Queue, ID: e.Job, Kind: e.Kind,
		Note: string(e.Type)}
	switch e.Type {
	case queue.EventStarted, queue.EventEnqueued:
		return
	case queue.EventDone, queue.EventFailed, queue.EventSnoozed, queue.EventDead, queue.EventCancelled:
		l.Said, l.Attempt, l.Redelivered = saidConfirmed, e.Attempt, e.Redelivered
	case queue.EventLeaseLost:
		l.Said = saidLease
	case queue.EventRedisError:
		l.Note += ": " + strings.ReplaceAll(e.Err.Error(), "\n", " ")
	case queue.EventWorkerReaped:
		l.Note += fmt.Sprintf(": %d jobs", e.Count)
	}
	s.book.write(l)
}
