package inspect_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// breaking ends the connection in pipelines from the second command on, once it is set.
type breaking struct{ set bool }

func (*breaking) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*breaking) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (b *breaking) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		err := next(ctx, commands)
		if b.set {
			for _, command := range commands[1:] {
				command.SetErr(io.ErrUnexpectedEOF)
			}
		}
		return err
	}
}

// Queues that are not what they should be come all the same; but where Redis does not answer, none is a guess.
func TestOrderOfTheFleet(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, name := range []string{"a", "b", "c"} {
		if _, err := client.Enqueue(t.Context(), queue.JSON("k", []byte("1")), queue.On(name)); err != nil {
			t.Fatal(err)
		}
	}
	broken := new(breaking)
	rdb.AddHook(broken)
	look, err := inspect.New(rdb, inspect.Config{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	q := func(name string) string { return namespace + ":{" + name + "}:workers" }
	if err := errors.Join(rdb.Set(t.Context(), q("a"), "x", 0).Err(),
		rdb.ZAdd(t.Context(), q("c"), redis.Z{Member: "w"}).Err()); err != nil {
		t.Fatal(err)
	}
	names, err := look.FleetOrder(t.Context(), 1)
	if want := []string{"c", "a", "b"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("got %v, %v, want %v", names, err, want)
	}
	broken.set = true
	if names, err := look.FleetOrder(t.Context(), 1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("without an answer: %v, %v", names, err)
	}
}
