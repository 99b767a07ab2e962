package queue

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisx"
)

func largeOp(size int) *enqueueOp {
	op := newTestOp()
	op.size = size
	return op
}

// What waits is bounded in bytes, but for a job alone; what is taken back makes room.
func TestBufferedBytesAreBounded(t *testing.T) {
	t.Parallel()
	s := idleSender(1000)
	if err := s.add(largeOp(2 * maxWaitingBytes)); err != nil {
		t.Errorf("a job alone: %v", err)
	}
	if err := s.add(largeOp(1)); !errors.Is(err, ErrOverloaded) {
		t.Errorf("beside one that has more than all: %v", err)
	}
	s.nextBatch()
	first := largeOp(maxWaitingBytes / 2)
	if err := errors.Join(s.add(first), s.add(largeOp(maxWaitingBytes/2))); err != nil {
		t.Errorf("two halves: %v", err)
	}
	if room, err := s.addOrWait(largeOp(1)); room == nil || err != nil {
		t.Errorf("no room, and nothing to wait for: %v", err)
	}
	if !s.withdraw(first) || s.add(largeOp(maxWaitingBytes/2)) != nil {
		t.Error("what was taken back still counts")
	}
}

// A pipeline has no more bytes than the connection is found to take, and at least a job.
func TestPipelinesAreBoundedInBytes(t *testing.T) {
	t.Parallel()
	s := idleSender(1000)
	for _, size := range []int{maxReply / 2, maxReply / 2, 1, 2 * maxReply, 1, 1} {
		if err := s.add(largeOp(size)); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []int{2, 1, 1, 2} {
		if batch := s.nextBatch(); len(batch) != want {
			t.Errorf("pipeline %d has %d jobs, want %d", i, len(batch), want)
		}
	}
	if s.bytes != 0 {
		t.Errorf("%d bytes wait in the end", s.bytes)
	}
	s.requests.lost()
	for range 2 {
		_ = s.add(largeOp(maxReply / 2))
	}
	if batch := s.nextBatch(); len(batch) != 1 {
		t.Errorf("after a loss a pipeline has %d jobs of half the bytes before", len(batch))
	}
}

// Many large jobs go in one after the other, however few may wait.
func TestEnqueueManyOfLargeJobs(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	c, err := NewClient(rdb, ClientConfig{MaxBuffered: 10, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	items := make([]Item, 90)
	for i := range items {
		items[i] = Item{Args: JSON("k", []byte(`"`+strings.Repeat("x", 900<<10)+`"`))}
	}
	if _, err := c.EnqueueMany(t.Context(), items); err != nil {
		t.Error(err)
	}
	if n := rdb.XLen(t.Context(), c.queue(DefaultQueue).Stream).Val(); n != 90 {
		t.Errorf("%d jobs, want 90", n)
	}
}

// What waits because its slot moves counts like what waits for a pipeline, until it is sent or taken back.
func TestBytesThatWaitForAMoveAreBounded(t *testing.T) {
	t.Parallel()
	s := idleSender(1000)
	s.resends = true // as if that were under way
	moving := func(size int) *enqueueOp {
		op := largeOp(size)
		op.added = monotonic()
		op.failure = redisx.ReplyError("TRYAGAIN Multiple keys request during rehashing of slot")
		return op
	}
	first := moving(maxWaitingBytes / 2)
	if !s.putOff(first) || !s.putOff(moving(maxWaitingBytes/2)) {
		t.Fatal("what is refused because its slot moves is not kept")
	}
	if err := s.add(largeOp(1)); !errors.Is(err, ErrOverloaded) {
		t.Errorf("beside two halves: %v", err)
	}
	if !s.withdraw(first) || s.add(largeOp(1)) != nil {
		t.Error("what was taken back still counts")
	}
	if ops := s.takeMoving(); len(ops) != 1 || s.movingBytes != 0 {
		t.Errorf("%d are taken, %d bytes are left", len(ops), s.movingBytes)
	}
}
