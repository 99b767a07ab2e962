package notify_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/internal/jobtest"
	"github.com/navvy-go/navvy/jobs/notify"
	"github.com/navvy-go/navvy/queue"
)

func TestSendPublishesTheArticlesMessageOnce(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, sender := t.Context(), notify.New(rdb)
	sub := listen[map[string]any](t, newHub(t, rdb), channel, notify.Buffer{})
	n := notify.Notification{Type: "order", Title: "Größe", Body: `"quoted"`, At: time.Unix(1732300000, 500_000_000)}
	id, err := sender.Send(ctx, "job-1", channel, n)
	must(t, err)
	again, err := sender.Send(ctx, "job-1", channel, n)
	must(t, err)
	other, err := sender.Send(ctx, "job-2", channel, n)
	must(t, err)
	if id != again || id == other {
		t.Errorf("sent as %s, again as %s, another as %s", id, again, other)
	}
	e := next(t, sub)
	want := map[string]any{"id": id, "type": "order", "title": "Größe", "body": `"quoted"`, "timestamp": 1732300000.5}
	got, _ := json.Marshal(e.Message)
	if wanted, _ := json.Marshal(want); string(got) != string(wanted) {
		t.Errorf("published %s, want %s", got, wanted)
	}
	if e := next(t, sub); e.Message["id"] != other {
		t.Errorf("the second message is %s, want %s", e.Payload, other)
	}
	log := "{" + channel + "}:log"
	if n := rdb.XLen(ctx, log).Val(); n != 2 {
		t.Errorf("%d entries in the log, want 2", n)
	}
	for key, most := range map[string]time.Duration{log: notify.LogFor, "{" + channel + "}:sent:job-1": notify.SentFor} {
		if ttl := rdb.PTTL(ctx, key).Val(); ttl <= 0 || ttl > most {
			t.Errorf("TTL of %s: %s", key, ttl)
		}
	}
}

func TestWhatCannotBeSentIsInvalid(t *testing.T) {
	t.Parallel()
	sender := notify.New(redistest.Shared(t).Client(t))
	good := notify.Notification{Type: "x"}
	for name, test := range map[string]struct {
		channel string
		n       notify.Notification
	}{
		"no channel": {"", good}, "brace": {"a}", good}, "long channel": {strings.Repeat("a", 1001), good},
		"no type": {"c", notify.Notification{}},
		"large":   {"c", notify.Notification{Type: "x", Body: strings.Repeat("x", 1<<16)}},
	} {
		if _, err := sender.Send(t.Context(), "", test.channel, test.n); !errors.Is(err, notify.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheJobNotifies(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	sender, mux := notify.New(rdb), queue.NewMux()
	sender.Register(mux)
	fleet := jobtest.Start(t, rdb, mux, nil)
	sub := listen[notify.Notification](t, newHub(t, rdb), channel, notify.Buffer{})
	before := time.Now().Add(-time.Second)
	if ended := fleet.Run(t, notify.Send{UserID: "1", Type: "a", Title: "b", Body: "c"}); ended.Type != queue.EventDone {
		t.Fatalf("ended as %s: %v", ended.Type, ended.Err)
	}
	m := next(t, sub).Message
	if m.Type != "a" || m.Title != "b" || m.Body != "c" || m.ID == "" || m.At.Before(before) {
		t.Errorf("%+v", m)
	}
	for name, bad := range map[string]notify.Send{
		"nobody": {Type: "a"}, "both": {UserID: "1", Channel: "c", Type: "a"}, "no type": {UserID: "1"},
	} {
		if ended := fleet.Run(t, bad); ended.Type != queue.EventDead {
			t.Errorf("%s: ended as %s", name, ended.Type)
		}
	}
}
