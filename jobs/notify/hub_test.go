package notify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/notify"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newHub(t *testing.T, rdb redis.UniversalClient) *notify.Hub {
	t.Helper()
	hub, err := notify.NewHub(rdb)
	must(t, err)
	t.Cleanup(func() { must(t, hub.Close()) })
	return hub
}

func listen[T any](t *testing.T, hub *notify.Hub, channel string, buffer notify.Buffer) *notify.Subscription[T] {
	t.Helper()
	sub, err := notify.Subscribe[T](t.Context(), hub, channel, buffer)
	must(t, err)
	t.Cleanup(sub.Close)
	return sub
}

// next returns the next event of a subscription.
func next[T any](t *testing.T, sub *notify.Subscription[T]) notify.Event[T] {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	event, err := sub.Next(ctx)
	must(t, err)
	return event
}

func publish[T any](t *testing.T, rdb redis.UniversalClient, channel string, message T) {
	t.Helper()
	_, err := notify.Publish(t.Context(), rdb, channel, message)
	must(t, err)
}

// await polls until it is so.
func await(t *testing.T, so func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline:
			t.Fatal("it did not happen within 30 s")
		case <-tick.C:
		}
	}
}

func TestTheArticlesMessagesAreHeard(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	hub := newHub(t, rdb)
	sub := listen[notify.Notification](t, hub, notify.UserChannel("42"), notify.Buffer{})
	all, err := notify.PatternSubscribe[notify.Notification](t.Context(), hub, "user:*:notifications", notify.Buffer{})
	must(t, err)
	defer all.Close()
	article := `{"type": "order", "title": "Shipped", "body": "On its way", "timestamp": 1732300000.1234567}`
	must(t, rdb.Publish(t.Context(), "user:42:notifications", article).Err())
	want := notify.Notification{
		Type: "order", Title: "Shipped", Body: "On its way", At: time.UnixMicro(1732300000123457),
	}
	for _, s := range []*notify.Subscription[notify.Notification]{sub, all} {
		e := next(t, s)
		if e.Channel != "user:42:notifications" || e.Err != nil || e.Gap != nil || !e.Message.At.Equal(want.At) {
			t.Errorf("%+v", e)
		}
		if e.Message.At = want.At; e.Message != want {
			t.Errorf("%+v, want %+v", e.Message, want)
		}
	}
	must(t, rdb.Publish(t.Context(), "user:42:notifications", "not JSON").Err())
	if e := next(t, sub); e.Err == nil || e.Payload != "not JSON" {
		t.Errorf("%+v", e)
	}
}

func TestAConnectionThatIsLostLeavesAGap(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	hub := newHub(t, rdb)
	sub := listen[int](t, hub, "c", notify.Buffer{})
	pattern, err := notify.PatternSubscribe[int](t.Context(), hub, "c*", notify.Buffer{})
	must(t, err)
	defer pattern.Close()
	for i := range 3 {
		publish(t, rdb, "c", i)
		begin := time.Now()
		if killed := rdb.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Val(); killed != int64(1) {
			t.Fatalf("killed %v connections, want the hub's one", killed)
		}
		for _, s := range []*notify.Subscription[int]{sub, pattern} {
			if e := next(t, s); e.Gap != nil || e.Message != i {
				t.Fatalf("before the gap: %+v", e)
			}
			e := next(t, s)
			if e.Gap == nil || !e.Gap.Disconnected || e.Gap.From.After(e.Gap.To) || e.Gap.To.Before(begin) {
				t.Fatalf("want a gap: %+v", e)
			}
		}
	}
	publish(t, rdb, "c", 99)
	if e := next(t, sub); e.Message != 99 {
		t.Errorf("after the gap: %+v", e)
	}
}

func TestARestartedServerIsHeardAgain(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := server.Client(t)
	hub := newHub(t, rdb)
	sub := listen[string](t, hub, "c", notify.Buffer{})
	server.Kill()
	await(t, func() bool { return !hub.Stats().Connected })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := notify.Subscribe[string](ctx, hub, "d", notify.Buffer{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("subscribing while Redis is away: %v", err)
	}
	must(t, server.Restart())
	if e := next(t, sub); e.Gap == nil || !e.Gap.Disconnected {
		t.Fatalf("want a gap: %+v", e)
	}
	publish(t, rdb, "c", "back")
	if e := next(t, sub); e.Message != "back" {
		t.Errorf("%+v", e)
	}
	if n := hub.Stats().Subscriptions; n != 1 {
		t.Errorf("%d subscriptions, want 1", n)
	}
}

func TestAFullBufferDropsAndTells(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	hub := newHub(t, rdb)
	oldest := listen[int](t, hub, "c", notify.Buffer{Size: 3})
	newest := listen[int](t, hub, "c", notify.Buffer{Size: 3, Full: notify.DropNewest})
	for i := range 10 {
		publish(t, rdb, "c", i)
	}
	await(t, func() bool { return hub.Stats().Dropped == 14 })
	got := func(s *notify.Subscription[int]) (read string) {
		for range 4 {
			if e := next(t, s); e.Gap != nil {
				read += fmt.Sprintf("(%d)", e.Gap.Dropped)
			} else {
				read += fmt.Sprint(e.Message)
			}
		}
		return read
	}
	if read := got(oldest); read != "(7)789" || oldest.Dropped() != 7 {
		t.Errorf("drop the oldest: %s, %d dropped", read, oldest.Dropped())
	}
	if read := got(newest); read != "012(7)" || newest.Dropped() != 7 {
		t.Errorf("drop the newest: %s, %d dropped", read, newest.Dropped())
	}
}

func TestManySubscriptionsShareOneConnection(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	hub := newHub(t, rdb)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for range 5 { // come and go
				channel := fmt.Sprintf("c-%d", i%5)
				sub, err := notify.Subscribe[int](t.Context(), hub, channel, notify.Buffer{})
				if err != nil {
					t.Error(err)
					return
				}
				publish(t, rdb, channel, i)
				for e := next(t, sub); e.Gap != nil || e.Message != i; e = next(t, sub) {
				}
				sub.Close()
				sub.Close()
			}
		})
	}
	wg.Wait()
	list := rdb.ClientList(t.Context()).Val()
	if n := strings.Count(list, "cmd=subscribe") + strings.Count(list, "cmd=unsubscribe") +
		strings.Count(list, "cmd=ping"); n > 1 {
		t.Errorf("%d connections of the hub:\n%s", n, list)
	}
	await(t, func() bool { return len(rdb.PubSubChannels(t.Context(), "c-*").Val()) == 0 })
	if stats := hub.Stats(); stats.Topics != 0 || stats.Subscriptions != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestCloseEndsSubscriptions(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	hub := newHub(t, rdb)
	sub := listen[int](t, hub, "c", notify.Buffer{})
	publish(t, rdb, "c", 1)
	ended := make(chan error)
	got := make(chan int, 1)
	go func() {
		for {
			e, err := sub.Next(context.Background())
			if err != nil {
				ended <- err
				return
			}
			got <- e.Message
		}
	}()
	<-got
	must(t, hub.Close())
	if err := <-ended; !errors.Is(err, notify.ErrClosed) {
		t.Errorf("Next after Close: %v", err)
	}
	if _, err := notify.Subscribe[int](t.Context(), hub, "c", notify.Buffer{}); !errors.Is(err, notify.ErrClosed) {
		t.Errorf("Subscribe after Close: %v", err)
	}
	for _, name := range []string{"", strings.Repeat("a", 1001)} {
		if _, err := notify.Subscribe[int](t.Context(), hub, name, notify.Buffer{}); !errors.Is(err, notify.ErrInvalid) {
			t.Errorf("channel of %d bytes: %v", len(name), err)
		}
	}
}

func TestOnACluster(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--cluster-enabled", "yes")
	node := server.Client(t)
	must(t, node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	await(t, func() bool { return strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:ok") })
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr}})
	defer rdb.Close()
	hub := newHub(t, rdb)
	sub := listen[notify.Notification](t, hub, "user:1:notifications", notify.Buffer{})
	id, err := notify.New(rdb).Send(t.Context(), "", "user:1:notifications", notify.Notification{Type: "x"})
	must(t, err)
	if e := next(t, sub); e.Message.ID != id || e.Message.Type != "x" {
		t.Errorf("%+v, want ID %s", e, id)
	}
	browser := connect(t, serve(t, hub, notify.SSEConfig{}), "0-1")
	if e := browser.event(t); e.id != id {
		t.Errorf("from the log: %+v", e)
	}
}
