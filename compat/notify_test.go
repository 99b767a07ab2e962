package compat_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/notify"
)

// message is what the article's send_notification publishes.
type message struct {
	Type      string  `json:"type"`
	Title     string  `json:"title"`
	Body      string  `json:"body"`
	Timestamp float64 `json:"timestamp"`
}

func newHub(t *testing.T, server *redistest.Server) *notify.Hub {
	hub, err := notify.NewHub(server.Client(t))
	must(t, err)
	t.Cleanup(func() { must(t, hub.Close()) })
	return hub
}

func TestPythonHearsGo(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.New(t), t.Context() // what is subscribed is counted
	rdb := server.Client(t)
	peer := newPeer(t, server)
	one, all, glob := peer.object("Notifications", "one"), peer.object("Notifications", "all"),
		peer.object("Notifications", "glob")
	one.call(nil, "subscribe", "user:42:notifications")
	all.call(nil, "pattern_subscribe", "user:*:notifications")
	glob.call(nil, "subscribe", "user:*") // as the article does
	eventually(t, "Python has subscribed", func(ctx context.Context) bool {
		return len(rdb.PubSubChannels(ctx, "*").Val()) == 2 && rdb.PubSubNumPat(ctx).Val() == 1
	})

	at := time.Now()
	_, err := notify.New(rdb).Send(ctx, "", notify.UserChannel("42"), notify.Notification{
		Type: "order", Title: "Versandt für 5 €", Body: "<on its way>", At: at,
	})
	must(t, err)
	var received message
	one.call(&received, "next")
	if received.Type != "order" || received.Title != "Versandt für 5 €" || received.Body != "<on its way>" ||
		int64(received.Timestamp*1000) < at.UnixMilli()-1 || int64(received.Timestamp*1000) > at.UnixMilli()+1 {
		t.Errorf("Python receives %+v", received)
	}
	var pair [2]json.RawMessage
	all.call(&pair, "next")
	if string(pair[0]) != `"user:42:notifications"` {
		t.Errorf("Python hears %s", pair)
	}
	if n, err := notify.Publish(ctx, rdb, "user:42:notifications", message{Title: "no more than this"}); err != nil ||
		n != 2 {
		t.Errorf("%d receive it, %v", n, err)
	}
	if one.call(&received, "next"); received.Title != "no more than this" {
		t.Errorf("Python receives %+v", received)
	}
	all.call(nil, "next")
	var deaf int
	if glob.call(&deaf, "count"); deaf != 0 {
		t.Errorf("SUBSCRIBE took %d messages for a pattern", deaf)
	}
}

func TestGoHearsPython(t *testing.T) {
	t.Parallel()
	server := redistest.Shared(t)
	hub := newHub(t, server)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	one, err := notify.Subscribe[notify.Notification](ctx, hub, notify.UserChannel("43"), notify.Buffer{})
	must(t, err)
	all, err := notify.PatternSubscribe[notify.Notification](ctx, hub, notify.UserChannel("4?"), notify.Buffer{})
	must(t, err)
	peer := newPeer(t, server)
	var received int64
	peer.object("Notifications", "send").call(&received, "send_notification", 43, "order", map[string]string{
		"title": "Versandt für 5 €", "body": "<on its way>",
	})
	if received != 1 && received != 2 { // one connection has both
		t.Errorf("%d connections received it", received)
	}
	for _, sub := range []*notify.Subscription[notify.Notification]{one, all} {
		event, err := sub.Next(ctx)
		n := event.Message
		if err != nil || event.Err != nil || n.Type != "order" || n.Title != "Versandt für 5 €" ||
			n.Body != "<on its way>" ||
			time.Since(n.At).Abs() > time.Minute || event.Channel != "user:43:notifications" {
			t.Errorf("Go hears %+v, %v", event, err)
		}
	}
}
