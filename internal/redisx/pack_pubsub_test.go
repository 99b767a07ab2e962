package redisx

import (
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
)

// A subscription writes while it reads: the race detector must find nothing that both touch.
func TestASubscriptionWritesWhileItReads(t *testing.T) {
	t.Parallel()
	rdb, _ := OpenFollowing(nil, &redis.Options{Addr: redistest.Shared(t).Addr, Dialer: redis.NewDialer(&redis.Options{})})
	t.Cleanup(func() { _ = rdb.Close() })
	subscription := rdb.Subscribe(t.Context(), t.Name())
	messages := subscription.Channel()
	for n := range 20 {
		channel := t.Name() + strconv.Itoa(n)
		if err := subscription.Subscribe(t.Context(), channel); err != nil {
			t.Fatal(err)
		}
		for {
			if err := rdb.Publish(t.Context(), channel, "m").Err(); err != nil {
				t.Fatal(err)
			}
			if len(messages) > 0 {
				<-messages
				break
			}
		}
	}
	if err := subscription.Close(); err != nil {
		t.Fatal(err)
	}
}
