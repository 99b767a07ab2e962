package payment_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/payment"
)

// A cluster of one node is as strict about slots as one of a hundred.
func TestOnACluster(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--cluster-enabled", "yes")
	node := server.Client(t)
	must(t, node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	eventually(t, func() bool { return strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:ok") })
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr}})
	t.Cleanup(func() { _ = rdb.Close() })
	b, gateway := benchOn(rdb), newScripted()
	service := payment.New(rdb, b.store, gateway)
	gateway.before = func(_ context.Context, call int64) error { return failsFirst(errors.New("no route"))(call) }

	for _, id := range []string{"o-1", "o-2", "{o}-3"} {
		_, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 500})
		if (err != nil) != (id == "o-1") {
			t.Errorf("Charge %s: %v", id, err)
		}
	}
	b.age(t, "o-1", time.Hour)
	done, err := service.Reconcile(t.Context(), payment.Reconcile{})
	if err != nil || done != (payment.Reconciliation{Seen: 1, Paid: 1}) {
		t.Errorf("Reconcile: %+v (%v)", done, err)
	}
	for _, id := range []string{"o-1", "o-2", "{o}-3"} {
		if _, err := service.Refund(t.Context(), payment.Refund{OrderID: id}); err != nil {
			t.Errorf("Refund %s: %v", id, err)
		}
	}
	if n := rdb.ZCard(t.Context(), "orders:processing").Val(); n != 0 {
		t.Errorf("%d orders are still in the index", n)
	}
}
