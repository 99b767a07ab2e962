package queue_test

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// A failover loses the last entries, and a clock that is behind gives their IDs to other jobs. A worker that still runs
// the lost one must not end the other, whatever becomes of its own; and the other runs, with the same worker too.
func TestAJobWhoseEntryIDWasGivenAgainIsNotLost(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]error{
		"done": nil, "retried": errors.New("again"), "dead": queue.Cancel(errors.New("no")), "snoozed": queue.Snooze(0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetOn(t, redistest.New(t))
			began, end := make(chan struct{}), make(chan struct{})
			mux := muxOf("first", func(context.Context, *queue.Run) error {
				close(began)
				<-end
				return outcome
			})
			mux.HandleKind("second", noop)
			f.enqueue("first", `{}`)
			f.start(mux)
			receive(t, began)
			entry := f.rdb.XRange(t.Context(), f.stream(), "-", "+").Val()[0].ID
			_, err := f.rdb.TxPipelined(t.Context(), func(tx redis.Pipeliner) error {
				tx.Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal") // first: a read that waits would have the other job
				tx.Del(t.Context(), f.stream())
				tx.XAdd(t.Context(), &redis.XAddArgs{Stream: f.stream(), ID: entry, Values: []string{
					"id", "other", "kind", "second", "data", "{}",
				}})
				tx.XGroupCreate(t.Context(), f.stream(), wire.DefaultGroup, "0")
				return nil
			})
			f.must(err)
			f.eventually("the worker has the other job", func() bool {
				return f.rdb.XPending(t.Context(), f.stream(), wire.DefaultGroup).Val().Count == 1
			})
			close(end)
			f.eventually("the other job is done", func() bool {
				for _, e := range f.events.of(queue.EventDone) {
					if e.Job == "other" {
						return true
					}
				}
				return false
			})
			f.empty()
			if info := f.info(); info.Totals.Done != 1 || info.Dead+info.Totals.Retried+info.Totals.Snoozed != 0 {
				t.Errorf("got %+v", info.Totals)
			}
		})
	}
}
