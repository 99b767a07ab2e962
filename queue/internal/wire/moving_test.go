package wire_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// While a slot moves key by key, a script may begin at the node that it leaves if all of its keys are there. Those that
// it empties meanwhile must not stop it: half of its work would be done. The other tests of this package run each
// script under the same rule, see redistest.MainAsMoving.
func TestPromoteGoesOnWhenItHasEmptiedItsKeysInAMovingSlot(t *testing.T) {
	t.Parallel()
	cluster, _ := redistest.NewCluster(t)
	ctx, q := t.Context(), wire.NewQueueRef(redistest.Namespace(), "orders", wire.Binding{})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for n, due := range []string{q.Delayed(), q.Delayed(), q.Retrying()} {
		member := string(rune('a' + n))
		must(cluster.ZAdd(ctx, due, redis.Z{Score: 1, Member: member}).Err())
		must(cluster.HSet(ctx, q.Bodies(), member, "4 0 mail{}").Err())
	}
	first := []string{"id", "x", "kind", "mail", "data", ""}
	must(cluster.XAdd(ctx, &redis.XAddArgs{Stream: q.Stream, Values: first}).Err())
	must(cluster.HSet(ctx, q.Totals(), "scheduled", 3).Err())
	must(cluster.HSet(ctx, q.Metrics(), "done", 1).Err())
	must(cluster.HSet(ctx, q.IDs(), "x", "call 1 stream:1-1").Err())
	move := redistest.NewSlotMove(t, cluster, q.Stream)
	move.Begin()
	promoted, next, err := wire.Promote(ctx, cluster, &q, wire.Clock{Own: time.Now()}, 100)
	if promoted != 3 || next >= 0 || err != nil {
		t.Errorf("%d promoted, next in %s, %v", promoted, next, err)
	}
	_, _, err = wire.Promote(ctx, cluster, &q, wire.Clock{Own: time.Now()}, 100)
	if !redis.HasErrorPrefix(err, "TRYAGAIN") {
		t.Errorf("with keys that are not there: %v", err)
	}
	move.Finish()
	if n := cluster.Exists(ctx, q.Bodies(), q.Delayed(), q.Retrying()).Val(); n != 0 {
		t.Errorf("%d of the keys are left", n)
	}
	if n := cluster.XLen(ctx, q.Stream).Val(); n != 4 {
		t.Errorf("%d entries", n)
	}
	if n := cluster.HGet(ctx, q.Totals(), "promoted").Val(); n != "3" {
		t.Errorf("%s are counted", n)
	}
}

// A lease can be extended wherever its key is, and not when it has ended.
func TestALeaseIsExtendedAllTheTimeThatItsSlotMoves(t *testing.T) {
	t.Parallel()
	cluster, _ := redistest.NewCluster(t)
	ctx, q := t.Context(), wire.NewQueueRef(redistest.Namespace(), "orders", wire.Binding{})
	join := &wire.Registration{Lease: time.Minute}
	if _, err := wire.Join(ctx, cluster, &q, "w#1", join); err != nil {
		t.Fatal(err)
	}
	ends := func() float64 { return cluster.ZScore(ctx, q.Workers(), "w#1").Val() }
	extend := func(when string) {
		t.Helper()
		before := ends()
		if err := wire.ExtendLease(ctx, cluster, &q, "w#1", time.Minute); err != nil || ends() < before {
			t.Errorf("%s: %v, ends %.0f, before %.0f", when, err, ends(), before)
		}
	}
	move := redistest.NewSlotMove(t, cluster, q.Stream)
	move.Begin()
	if _, err := wire.Beat(ctx, cluster, &q, &wire.Heartbeat{Consumer: "w#1"}); !redis.HasErrorPrefix(err, "TRYAGAIN") {
		t.Errorf("a heartbeat: %v", err)
	}
	extend("before the key has moved")
	move.Migrate(q.Workers())
	extend("behind it")
	move.Finish()
	extend("when all have moved")
	if err := cluster.ZAdd(ctx, q.Workers(), redis.Z{Score: 1, Member: "w#1"}).Err(); err != nil {
		t.Fatal(err)
	}
	for _, consumer := range []string{"w#1", "nobody#2"} {
		if err := wire.ExtendLease(ctx, cluster, &q, consumer, time.Minute); !errors.Is(err, wire.ErrLost) {
			t.Errorf("%s, whose lease has ended: %v", consumer, err)
		}
	}
}
