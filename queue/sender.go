package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

const (
	maxInFlight  = 3   // pipelines under way at once: while Redis works on one, the next is written and the last is read
	maxPipeline  = 500 // jobs in one pipeline
	resendAtMost = 3   // how often a job that may be sent again is sent again

	maxWaitingBytes = 64 << 20 // of the data of jobs that wait to be sent, unless there is one alone
)

// sender sends the jobs of all callers in shared pipelines. A lone caller waits for no other; under load a pipeline
// takes what has gathered while the ones before it were under way.
type sender struct {
	rdb        redis.UniversalClient
	packs      bool // its connections send a redisx.PackedPipeline
	maxWaiting int
	timeout    time.Duration // of the wait for a pipeline, and again of the pipeline
	requests   *byteBudget   // of a pipeline

	mu          sync.Mutex     // guards those below
	waiting     []*enqueueOp   // added by callers, taken by run, taken back by callers that give up
	bytes       int            // of their data
	moving      []*enqueueOp   // refused because their slot moves; added by exec, taken by resend and callers
	movingBytes int            // of their data
	resends     bool           // resend runs
	inFlight    int            // goroutines of run
	closed      bool           // set by close
	room        chan struct{}  // closed when fewer jobs wait, by run and by callers that give up; nil: nobody waits for it
	running     sync.WaitGroup // those goroutines
}

// newSender returns a sender whose jobs wait no longer than timeout, all in all.
func newSender(rdb redis.UniversalClient, most int, timeout time.Duration) *sender {
	return &sender{
		rdb: rdb, packs: redisx.Packs(rdb), maxWaiting: most, timeout: timeout / 2, requests: newByteBudget(),
	}
}

// send hands a job over and waits for its outcome.
func (s *sender) send(ctx context.Context, op *enqueueOp) error {
	if err := s.add(op); err != nil {
		return err
	}
	return s.wait(ctx, op)
}

// add hands a job over; the caller must wait for it.
func (s *sender) add(op *enqueueOp) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addBelow(op, s.maxWaiting)
}

// addPatiently waits until there is room, and hands a job over: for callers with many jobs, which leave half of the
// room to those with one.
func (s *sender) addPatiently(ctx context.Context, op *enqueueOp) error {
	for {
		if ctx.Err() != nil {
			return notSent(context.Cause(ctx))
		}
		room, err := s.addOrWait(op)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
		}
	}
}

// addOrWait hands a job over, or returns what is closed when there may be room.
func (s *sender) addOrWait(op *enqueueOp) (room <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.addBelow(op, (s.maxWaiting+1)/2)
	if !errors.Is(err, ErrOverloaded) {
		return nil, err
	}
	if s.room == nil {
		s.room = make(chan struct{})
	}
	return s.room, nil
}

// signalRoom wakes the callers that wait for room. The mutex is held.
func (s *sender) signalRoom() {
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}

// addBelow hands a job over if fewer than most wait, and their data is as much less than it may be. The mutex is held.
func (s *sender) addBelow(op *enqueueOp, most int) error {
	if s.closed {
		return ErrClosed
	}
	n, bytes := len(s.waiting)+len(s.moving), s.bytes+s.movingBytes
	if n >= most || n > 0 && bytes+op.size > maxWaitingBytes*most/s.maxWaiting {
		return ErrOverloaded
	}
	if op.added == 0 {
		op.added = monotonic()
	}
	s.waiting = append(s.waiting, op)
	s.bytes += op.size
	if s.inFlight < maxInFlight {
		s.inFlight++
		s.running.Add(1)
		go s.run()
	}
	return nil
}

// wait waits for a job's outcome, or until ctx ends. It does not wait for ever: a job that was not sent in time is
// refused when its turn comes, and a pipeline has a deadline.
func (s *sender) wait(ctx context.Context, op *enqueueOp) error {
	select {
	case <-op.done:
		return op.err
	case <-ctx.Done():
		return s.abandon(op, context.Cause(ctx))
	}
}

// abandon ends the wait for a job: it was not sent yet, or its outcome is unknown.
func (s *sender) abandon(op *enqueueOp, cause error) error {
	if s.withdraw(op) {
		return notSent(cause)
	}
	select {
	case <-op.done: // it was completed at the last moment
		return op.err
	default:
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, cause)
	}
}

func notSent(cause error) error {
	return fmt.Errorf("not sent in time, nothing was enqueued: %w", cause)
}

// withdraw takes back a job that was not sent yet.
func (s *sender) withdraw(op *enqueueOp) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, op); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
		s.bytes -= op.size
	} else if i = slices.Index(s.moving, op); i >= 0 {
		s.moving = slices.Delete(s.moving, i, i+1)
		s.movingBytes -= op.size
	} else {
		return false
	}
	s.signalRoom()
	return true
}

// close refuses further jobs and waits for those under way; it reports whether it was the first call.
func (s *sender) close() bool {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.signalRoom()
	s.mu.Unlock()
	s.running.Wait()
	return first
}

// run sends pipelines until nothing waits.
func (s *sender) run() {
	defer s.running.Done()
	for batch := s.nextBatch(); batch != nil; batch = s.nextBatch() {
		s.exec(s.inTime(batch))
		runtime.Gosched() // the callers just woken come first: their next jobs are sent together
	}
}

// nextBatch takes what one pipeline may have of the jobs that wait.
func (s *sender) nextBatch() []*enqueueOp {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		s.inFlight--
		return nil
	}
	defer s.signalRoom()
	limit := s.requests.limit()
	if len(s.waiting) <= maxPipeline && s.bytes <= limit {
		batch := s.waiting
		s.waiting, s.bytes = make([]*enqueueOp, 0, len(batch)), 0
		return batch
	}
	n, bytes := onePipeline(s.waiting, limit)
	batch := s.waiting[:n:n]
	s.waiting, s.bytes = append([]*enqueueOp(nil), s.waiting[n:]...), s.bytes-bytes
	return batch
}

// onePipeline is how many of the jobs, from the first on, one pipeline may have, and their bytes.
func onePipeline(ops []*enqueueOp, limit int) (n, bytes int) {
	n, bytes = 1, ops[0].size
	for n < min(len(ops), maxPipeline) && bytes+ops[n].size <= limit {
		bytes += ops[n].size
		n++
	}
	return n, bytes
}

// inTime refuses the jobs that have waited too long, and returns the rest.
func (s *sender) inTime(batch []*enqueueOp) []*enqueueOp {
	oldest := monotonic() - int64(s.timeout)
	late := 0
	for late < len(batch) && batch[late].added < oldest { // the earliest is the first
		batch[late].settle(fmt.Errorf("not sent within %s, nothing was enqueued: %w", s.timeout, context.DeadlineExceeded))
		late++
	}
	return batch[late:]
}

// exec sends one pipeline, and once more those of its jobs that did not arrive and may be repeated.
func (s *sender) exec(batch []*enqueueOp) {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	for try := 0; len(batch) > 0; try++ {
		sent := monotonic()
		s.execOnce(ctx, batch)
		s.measure(batch, since(sent))
		again := batch[:0:0]
		for _, op := range batch {
			switch {
			case op.again(ctx, try):
				again = append(again, op)
			case !s.putOff(op):
				op.complete()
			}
		}
		batch = again
	}
}

// measure notes how a pipeline fared.
func (s *sender) measure(batch []*enqueueOp, took time.Duration) {
	bytes, lost := 0, false
	for _, op := range batch {
		bytes += op.size
		err := op.failure
		lost = lost || err != nil && mayHaveArrived(err)
	}
	if lost {
		s.requests.lost()
		return
	}
	s.requests.arrived(len(batch), bytes, took)
}

func (s *sender) execOnce(ctx context.Context, batch []*enqueueOp) {
	if s.packs && isPackable(batch) {
		s.sendPacked(ctx, batch)
		return
	}
	sent := newSending(batch)
	defer sent.read()
	if len(sent.cmds) == 1 {
		_ = s.rdb.Process(ctx, sent.cmds[0])
		return
	}
	pipe := s.rdb.Pipeline()
	for _, cmd := range sent.cmds {
		_ = pipe.Process(ctx, cmd)
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
}
