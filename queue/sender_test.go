package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// idleSender returns a sender that sends nothing: as if all its pipelines were under way.
func idleSender(most int) *sender {
	s := newSender(nil, most, time.Minute)
	s.inFlight = maxInFlight
	return s
}

func newTestOp() *enqueueOp { return &enqueueOp{done: make(chan struct{}, 1)} }

func TestSenderIsOverloadedAtItsLimit(t *testing.T) {
	t.Parallel()
	s := idleSender(2)
	for i, want := range []error{nil, nil, ErrOverloaded, ErrOverloaded} {
		if err := s.add(newTestOp()); !errors.Is(err, want) {
			t.Errorf("job %d: got %v, want %v", i, err, want)
		}
	}
	s.nextBatch() // takes what waits
	if err := s.add(newTestOp()); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if !s.close() || s.close() {
		t.Error("close does not report which call was the first")
	}
	if err := s.add(newTestOp()); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: got %v", err)
	}
}

// Whether anything may be in Redis depends on how far a job was when its caller gave up.
func TestAbandonedJob(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	for name, test := range map[string]struct {
		advance func(s *sender, op *enqueueOp)
		unknown bool
		is      error
	}{
		"not sent":         {func(*sender, *enqueueOp) {}, false, context.Canceled},
		"under way":        {func(s *sender, _ *enqueueOp) { s.nextBatch() }, true, context.Canceled},
		"just enqueued":    {func(s *sender, op *enqueueOp) { s.nextBatch(); op.settle(nil) }, false, nil},
		"just been failed": {func(s *sender, op *enqueueOp) { s.nextBatch(); op.settle(refused) }, false, refused},
	} {
		s, op := idleSender(10), newTestOp()
		other := newTestOp()
		if err := errors.Join(s.add(op), s.add(other)); err != nil {
			t.Fatal(err)
		}
		test.advance(s, op)
		err := s.abandon(op, context.Canceled)
		if errors.Is(err, ErrUnknownOutcome) != test.unknown || !errors.Is(err, test.is) {
			t.Errorf("%s: got %v", name, err)
		}
		if s.withdraw(op) {
			t.Errorf("%s: withdrawn twice", name)
		}
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s, op := idleSender(1), newTestOp()
	cause := errors.New("the caller has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := s.send(ctx, op); !errors.Is(err, cause) || errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("got %v", err)
	}
	if err := s.add(newTestOp()); err != nil {
		t.Errorf("the job that was withdrawn still counts: %v", err)
	}
}

func TestJobsThatWaitedTooLongAreNotSent(t *testing.T) {
	t.Parallel()
	s := idleSender(10)
	late, fresh := newTestOp(), newTestOp()
	late.added, fresh.added = monotonic()-int64(s.timeout)-1, monotonic()
	if rest := s.inTime([]*enqueueOp{late, fresh}); len(rest) != 1 || rest[0] != fresh {
		t.Errorf("%d jobs are sent", len(rest))
	}
	if err := s.wait(t.Context(), late); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("got %v", err)
	}
}

func TestPipelinesAreBounded(t *testing.T) {
	t.Parallel()
	s := idleSender(3 * maxPipeline)
	first := newTestOp()
	if err := s.add(first); err != nil {
		t.Fatal(err)
	}
	for range 2 * maxPipeline {
		if err := s.add(newTestOp()); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []int{maxPipeline, maxPipeline, 1, 0} {
		batch := s.nextBatch()
		if len(batch) != want {
			t.Errorf("pipeline %d has %d jobs, want %d", i, len(batch), want)
		}
		if i == 0 && batch[0] != first {
			t.Error("the first job is not sent first")
		}
	}
	if s.inFlight != maxInFlight-1 {
		t.Errorf("%d in flight after one found nothing", s.inFlight)
	}
}

func TestOutcomeOfACommand(t *testing.T) {
	t.Parallel()
	refused, noScript := redisx.ReplyError("ERR no"), redisx.ReplyError("NOSCRIPT no matching script")
	dial := &net.OpError{Op: "dial", Err: errors.New("refused")}
	for name, test := range map[string]struct {
		err, is error
		unknown bool
		again   bool // sent again, if it has a guard
	}{
		"enqueued":      {nil, nil, false, false},
		"out of memory": {redisx.ReplyError("OOM command not allowed"), ErrFull, false, false},
		"refused":       {refused, refused, false, false},
		"script missing": {noScript, noScript,
			false, true},
		"not connected":    {dial, dial, false, false},
		"pool has none":    {redis.ErrPoolTimeout, redis.ErrPoolTimeout, false, false},
		"connection ended": {io.EOF, io.EOF, true, true},
		"read timed out":   {&net.OpError{Op: "read", Err: context.DeadlineExceeded}, context.DeadlineExceeded, true, true},
	} {
		for _, guarded := range []bool{false, true} {
			op := newTestOp()
			op.call, op.unguarded, op.failure = &wire.Enqueue{ID: "j-1"}, !guarded, test.err
			if op.complete(); !errors.Is(op.err, test.is) || errors.Is(op.err, ErrUnknownOutcome) != test.unknown {
				t.Errorf("%s: got %v", name, op.err)
			}
			if !guarded || errors.Is(test.err, noScript) {
				continue
			}
			if again := op.again(t.Context(), 0); again != test.again {
				t.Errorf("%s: sent again %t", name, again)
			}
			if op.again(t.Context(), resendAtMost) {
				t.Errorf("%s: sent again and again", name)
			}
		}
	}
}

// A server that was restarted does not have the scripts: the call is sent once more, with its text.
func TestScriptsThatAreMissingAreSent(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	c, err := NewClient(rdb, ClientConfig{Namespace: redistest.Namespace()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 3 {
		if err := rdb.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		job, err := c.Enqueue(t.Context(), JSON("k", []byte(`{}`)), Unique(fmt.Sprint("u", i), time.Hour))
		if err != nil || job.Duplicate {
			t.Errorf("got %+v, %v", job, err)
		}
	}
	if n := rdb.XLen(t.Context(), c.queue(DefaultQueue).Stream).Val(); n != 3 {
		t.Errorf("%d jobs, want 3", n)
	}
}

func TestReconnectBackoffIsBounded(t *testing.T) {
	t.Parallel()
	jitter := 0.0
	b := newReconnectBackoff(func() float64 { return jitter })
	ended := make(chan struct{})
	close(ended)
	for want := reconnectMin; want < reconnectMax; want *= 2 {
		if b.next != want {
			t.Fatalf("next is %s, want %s", b.next, want)
		}
		b.wait(ended) // returns at once
	}
	b.wait(ended)
	if b.next != reconnectMax {
		t.Errorf("next is %s, beyond the limit of %s", b.next, reconnectMax)
	}
	if b.reset(); b.next != reconnectMin {
		t.Errorf("after a reset the next is %s", b.next)
	}
	for _, jitter = range []float64{0, 0.999} {
		b.reset()
		began := time.Now()
		b.wait(nil)
		if took, least := time.Since(began), time.Duration(float64(reconnectMin)*(0.5+jitter)); took < least {
			t.Errorf("with jitter %g it waited %s, want at least %s", jitter, took, least)
		}
	}
}
