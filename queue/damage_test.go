package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// add writes an entry as another program would.
func (f *fleet) add(values ...string) {
	f.must(f.rdb.XAdd(f.Context(), &redis.XAddArgs{Stream: f.stream(), Values: values}).Err())
}

func TestInspectorShowsADamagedBody(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`, queue.In(time.Hour), queue.ID("j"))
	f.must(f.rdb.HSet(t.Context(), f.stream()+":bodies", "j", "9223372036854775807 9223372036854775807 x").Err())
	_, err := f.inspect.Delayed(t.Context(), "orders", inspect.Page{})
	f.must(err)
}

func TestNegativeAttemptIsTakenForTheFirst(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.start(muxOf("k", func(context.Context, *queue.Run) error { return errors.New("x") }))
	f.add("id", "j", "kind", "k", "data", "{}", "meta", `{"attempt":-5}`)
	f.await(queue.EventFailed, 1)
}

func TestPurgeOfTwoDeadOfOneID(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.start(muxOf("k", func(context.Context, *queue.Run) error { return queue.Cancel(nil) }))
	for range 2 {
		f.add("id", "j", "kind", "k", "data", "{}")
	}
	f.await(queue.EventDead, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	n, err := f.inspect.Purge(ctx, "orders", inspect.StateDead, nil)
	f.must(err)
	if left := f.info().Dead; n != 2 || left != 0 {
		t.Errorf("%d deleted, %d left", n, left)
	}
}

func TestDamagedBodyIsDeadAndStopsNobody(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`, queue.In(time.Millisecond), queue.ID("j"))
	f.enqueue("k", `{}`, queue.In(10*time.Millisecond))
	f.must(f.rdb.HSet(t.Context(), f.stream()+":bodies", "j", "damaged").Err())
	f.start(muxOf("k", noop))
	f.await(queue.EventDone, 1)
	if dead := f.await(queue.EventDead, 1)[0]; dead.Job != "j" {
		t.Errorf("got %+v", dead)
	}
}

func TestDeletedDoneJobFreesItsUniqueKey(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.start(muxOf("k", noop))
	job := f.enqueue("k", `{}`, queue.Unique("u", time.Hour), queue.Retain(time.Hour))
	f.await(queue.EventDone, 1)
	f.must(f.inspect.Delete(t.Context(), "orders", job.ID))
	if f.enqueue("k", `{}`, queue.Unique("u", time.Hour)).Duplicate {
		t.Error("the unique key of a deleted job is still taken")
	}
}
