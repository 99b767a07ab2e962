package queue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	maxInFlight  = 3   // pipelines under way at once: while Redis works on one, the next is written and the last is read
	maxPipeline  = 500 // jobs in one pipeline
	resendAtMost = 3   // how often a job that may be sent again is sent again
)

// sender sends the jobs of all callers in shared pipelines. A lone caller waits for nobody; under load a pipeline
// takes what has gathered while the ones before it were under way.
type sender struct {
	rdb        redis.UniversalClient
	maxWaiting int
	timeout    time.Duration // of the wait for a pipeline, and again of the pipeline

	mu       sync.Mutex
	waiting  []*enqueueOp
	inFlight int
	closed   bool
	running  sync.WaitGroup
}

// newSender returns a sender whose jobs wait no longer than timeout, all in all.
func newSender(rdb redis.UniversalClient, most int, timeout time.Duration) *sender {
	return &sender{rdb: rdb, maxWaiting: most, timeout: timeout / 2}
}

// send hands a job over and waits for its outcome.
func (s *sender) send(ctx context.Context, op *enqueueOp) error {
	if err := s.add(op); err != nil {
		return err
	}
	return s.wait(ctx, op)
}

// add hands a job over; it must be waited for.
func (s *sender) add(op *enqueueOp) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if len(s.waiting) >= s.maxWaiting {
		return ErrOverloaded
	}
	op.added = monotonic()
	s.waiting = append(s.waiting, op)
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

// giveUp ends the wait for a job: it was not sent yet, or nobody knows.
func (s *sender) abandon(op *enqueueOp, why error) error {
	if s.withdraw(op) {
		return fmt.Errorf("not sent in time, nothing was enqueued: %w", why)
	}
	select {
	case <-op.done: // it landed at the last moment
		return op.err
	default:
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, why)
	}
}

// withdraw takes back a job that was not sent yet.
func (s *sender) withdraw(op *enqueueOp) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.waiting {
		if other == op {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// close refuses further jobs and waits for those under way; it tells whether it was the first call.
func (s *sender) close() bool {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	s.running.Wait()
	return first
}

// fly sends pipelines until nothing waits.
func (s *sender) run() {
	defer s.running.Done()
	for batch := s.nextBatch(); batch != nil; batch = s.nextBatch() {
		s.exec(s.inTime(batch))
		runtime.Gosched() // the callers just woken come first: their next jobs travel together
	}
}

func (s *sender) nextBatch() []*enqueueOp {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		s.inFlight--
		return nil
	}
	if len(s.waiting) <= maxPipeline {
		batch := s.waiting
		s.waiting = make([]*enqueueOp, 0, len(batch))
		return batch
	}
	batch := s.waiting[:maxPipeline:maxPipeline]
	s.waiting = append([]*enqueueOp(nil), s.waiting[maxPipeline:]...)
	return batch
}

// inTime refuses the jobs that have waited too long, and returns the rest.
func (s *sender) inTime(batch []*enqueueOp) []*enqueueOp {
	oldest := monotonic() - int64(s.timeout)
	late := 0
	for late < len(batch) && batch[late].added < oldest { // they wait in the order of their coming
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
		s.execOnce(ctx, batch)
		again := batch[:0:0]
		for _, op := range batch {
			if op.again(ctx, try) {
				again = append(again, op)
			} else {
				op.complete()
			}
		}
		batch = again
	}
}

func (s *sender) execOnce(ctx context.Context, batch []*enqueueOp) {
	if len(batch) == 1 {
		_ = s.rdb.Process(ctx, batch[0].cmd)
		return
	}
	pipe := s.rdb.Pipeline()
	for _, op := range batch {
		_ = pipe.Process(ctx, op.cmd)
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
}

// enqueueOp is one job on its way.
type enqueueOp struct {
	job         Enqueued
	added       int64 // when it was handed over, on the monotonic clock
	cmd         redis.Cmder
	args        []any // of a script, to send it again
	durability  *Durability
	unguarded   bool          // nothing would notice if it were sent twice
	uniqueGuard int           // which of the script's keys is the unique key; 0 if none
	err         error         // valid once done has its signal
	done        chan struct{} // holds one signal
	plain       [11]any       // room for the arguments of a bare XADD
}

// Jobs on their way are used again: with thousands of callers the garbage they leave is what enqueueing costs most.
var opPool = sync.Pool{New: func() any { return &enqueueOp{done: make(chan struct{}, 1)} }}

// recycle gives an op back. Nobody may be waiting for it, and it must have landed or never have been sent.
func (op *enqueueOp) recycle() {
	*op = enqueueOp{done: op.done}
	opPool.Put(op)
}

// sentOnce keeps the client library from sending a command again when a connection drops: the job would be enqueued
// twice.
type sentOnce struct{ *redis.Cmd }

// NoRetry tells the client library so.
func (sentOnce) NoRetry() bool { return true }

// addedOnce is an XADD that is sent once.
type addedOnce struct{ *redis.StringCmd }

// NoRetry tells the client library so.
func (addedOnce) NoRetry() bool { return true }

// addPlain makes a bare XADD: a job that is due at once and has nothing to guard it.
func (op *enqueueOp) addPlain(k *keys, data []byte, meta string) {
	args := append(op.plain[:0], // pointers to strings: no copies to the heap
		"XADD", k.streamArg, "*", fieldID, &op.job.ID, fieldKind, &op.job.Kind, fieldData, data)
	if meta != "" {
		args = append(args, fieldMeta, meta)
	}
	op.unguarded = true
	op.cmd = addedOnce{redis.NewStringCmd(context.Background(), args...)}
}

// addRaw makes a bare XADD of plain fields.
func (op *enqueueOp) addRaw(stream string, fields []string) {
	args := make([]any, 0, 3+len(fields))
	args = append(args, "XADD", stream, "*")
	for _, field := range fields {
		args = append(args, field)
	}
	op.unguarded = true
	op.cmd = addedOnce{redis.NewStringCmd(context.Background(), args...)}
}

// addScript makes a call of enqueue.lua. With a guard it may be sent again: the guard knows its own call.
func (op *enqueueOp) addScript(k *keys, data []byte, meta string, o *enqueueOptions, nonce string, now time.Time) {
	keys := []any{k.stream, k.delayed(), k.bodies(), k.totals()}
	argv := []any{op.job.ID, op.job.Kind, data, meta, "", ""}
	var delay time.Duration
	if op.job.Due != nil {
		delay = op.job.Due.Sub(now)
		argv[4], argv[5] = ceilMilli(*op.job.Due), encodeBody(op.job.Kind, meta, data)
		argv[2], argv[3] = "", ""
	}
	if o.id != "" {
		keys = append(keys, k.idMarker(o.id))
		argv = append(argv, nonce, (delay + IDWindow).Milliseconds())
	}
	if o.uniqueKey != "" {
		keys = append(keys, k.unique(o.uniqueKey))
		argv = append(argv, op.job.ID, (delay + o.uniqueFor).Milliseconds())
		op.uniqueGuard = len(keys)
	}
	op.unguarded = len(keys) == 4
	op.args = append(append([]any{"EVALSHA", scriptEnqueue.Hash(), len(keys)}, keys...), argv...)
	op.cmd = sentOnce{redis.NewCmd(context.Background(), op.args...)}
}

// ceilMilli rounds up, so that a job never starts before it is due.
func ceilMilli(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }

// again decides after a try whether the job is sent again, and readies it.
func (op *enqueueOp) again(ctx context.Context, try int) bool {
	err := op.cmd.Err()
	switch {
	case err == nil || try >= resendAtMost || ctx.Err() != nil:
		return false
	case redis.HasErrorPrefix(err, "NOSCRIPT"):
		op.args[0], op.args[1] = "EVAL", scriptEnqueue.text
	case op.unguarded || !mayHaveArrived(err):
		return false
	}
	op.cmd = sentOnce{redis.NewCmd(context.Background(), op.args...)}
	return true
}

// land reads the outcome and wakes the caller.
func (op *enqueueOp) complete() {
	switch err := op.cmd.Err(); {
	case err == nil:
		op.readReply()
		op.settle(nil)
	case redis.HasErrorPrefix(err, "OOM"):
		op.settle(ErrFull)
	case mayHaveArrived(err):
		op.settle(fmt.Errorf("%w: %w", ErrUnknownOutcome, err))
	default:
		op.settle(err)
	}
}

// settle ends the op, which from then on is its caller's again.
func (op *enqueueOp) settle(err error) {
	op.err = err
	op.done <- struct{}{}
}

// readReply takes the verdict of enqueue.lua: {1, ID}, or {0, what the guard holds, which guard}.
func (op *enqueueOp) readReply() {
	if op.unguarded {
		return
	}
	cmd, _ := op.cmd.(sentOnce)
	reply, _ := cmd.Val().([]any)
	if len(reply) < 3 {
		return
	}
	op.job.Duplicate = true
	if guard, _ := reply[2].(int64); int(guard) == op.uniqueGuard {
		op.job.ID, _ = reply[1].(string) // a unique key holds the ID of its job
	}
}

// mayHaveArrived tells whether a command that failed so may have taken effect all the same.
func mayHaveArrived(err error) bool {
	var reply redis.Error
	if errors.As(err, &reply) {
		return false // Redis refused it
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return false
	}
	for _, unsent := range []error{redis.ErrClosed, redis.ErrPoolTimeout, redis.ErrPoolExhausted} {
		if errors.Is(err, unsent) {
			return false
		}
	}
	return true
}
