package inspect_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

func TestEmptyQueueIsForgotten(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	look, err := inspect.New(rdb, inspect.Config{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range []queue.EnqueueOption{queue.ID("a"), queue.In(3_600_000_000_000)} {
		job, err := client.Enqueue(t.Context(), queue.JSON("k", []byte("1")), queue.On("junk"), option)
		if err != nil {
			t.Fatal(err)
		}
		if err := look.Forget(t.Context(), "junk"); !errors.Is(err, inspect.ErrInUse) {
			t.Errorf("with a job: %v", err)
		}
		if err := look.Delete(t.Context(), "junk", job.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := look.Pause(t.Context(), "junk"); err != nil {
		t.Fatal(err)
	}
	if err := look.Forget(t.Context(), "junk"); !errors.Is(err, inspect.ErrInUse) {
		t.Errorf("paused: %v", err)
	}
	if err := look.Resume(t.Context(), "junk"); err != nil {
		t.Fatal(err)
	}
	if err := look.Forget(t.Context(), "junk"); err != nil {
		t.Fatal(err)
	}
	if keys, err := rdb.Keys(t.Context(), namespace+":*").Result(); err != nil || len(keys) > 0 {
		t.Errorf("left: %v %v", keys, err)
	}
	if err := look.Forget(t.Context(), "junk"); !errors.Is(err, inspect.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
}

func TestFleetHasPagesWithServedQueuesFirst(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	for n := range 25 {
		if err := rdb.HSet(t.Context(), namespace+":queues", fmt.Sprintf("junk-%02d", n), "{}").Err(); err != nil {
			t.Fatal(err)
		}
	}
	rdb.HSet(t.Context(), namespace+":queues", "orders", "{}", "broken", "no JSON")
	if err := rdb.ZAdd(t.Context(), namespace+":{orders}:workers", redis.Z{Member: "w#1", Score: 9e15}).Err(); err != nil {
		t.Fatal(err)
	}
	look, err := inspect.New(rdb, inspect.Config{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for first := 0; ; {
		page, err := look.Fleet(t.Context(), first, 10)
		if err != nil || page.Total != 27 || len(page.Names) > 10 {
			t.Fatalf("%+v %v", page, err)
		}
		names = append(names, page.Names...)
		if first = page.Next(); first == 0 {
			break
		}
	}
	if len(names) != 27 || names[0] != "orders" || names[1] != "broken" || names[26] != "junk-24" {
		t.Errorf("%d queues: %v", len(names), names)
	}
}
