package main

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// afterTotals does something once, after a client has read totals.
type afterTotals struct {
	once sync.Once
	do   func()
}

func (*afterTotals) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*afterTotals) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (h *afterTotals) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		err := next(ctx, commands)
		if slices.ContainsFunc(commands, func(c redis.Cmder) bool { return c.Name() == "hgetall" }) {
			h.once.Do(h.do)
		}
		return err
	}
}

// A job that ends while the queues are counted is counted.
func TestTheLastJobEndsWhileItIsCounted(t *testing.T) {
	t.Parallel()
	server, namespace := redistest.Shared(t), redistest.Namespace()
	rdb, counting := server.Client(t), server.Client(t)
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), queue.On("orders")); err != nil {
		t.Fatal(err)
	}
	counting.AddHook(&afterTotals{do: func() {
		stream := namespace + ":{orders}"
		_, err := rdb.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
			p.XTrimMaxLen(t.Context(), stream, 0)
			p.HIncrBy(t.Context(), stream+":stats", "done", 1)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}})
	inspector, err := inspect.New(counting, inspect.Config{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	total := &summary{}
	if err := awaitEmpty(t.Context(), inspector, total); err != nil || total.ended["orders"] != 1 {
		t.Errorf("ended %v (%v), want 1", total.ended, err)
	}
}
