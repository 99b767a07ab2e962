package notify_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/notify"
)

const channel = "user:1:notifications"

// serve starts a server of the SSE handler. Header User says whose channel is wanted.
func serve(t *testing.T, hub *notify.Hub, cfg notify.SSEConfig) *httptest.Server {
	t.Helper()
	handler := notify.NewSSE(hub, func(r *http.Request) (string, bool) {
		user := r.Header.Get("User")
		return notify.UserChannel(user), user != ""
	}, cfg)
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		await(t, func() bool { return handler.Connections() == 0 })
	})
	return server
}

// browser is a client of server-sent events, as the HTML standard describes it.
type browser struct {
	response *http.Response
	lines    *bufio.Reader
	lastID   string
	retry    string
	comments int
}

type event struct{ id, kind, data string }

func request(t *testing.T, server *httptest.Server, lastID string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	must(t, err)
	r.Header.Set("User", "1")
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	response, err := server.Client().Do(r)
	must(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// connect comes to the server with the ID of the last event, and waits until the first ID is there.
func connect(t *testing.T, server *httptest.Server, lastID string) *browser {
	t.Helper()
	response := request(t, server, lastID)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %v", response.Status, response.Header)
	}
	b := &browser{response: response, lines: bufio.NewReader(response.Body)}
	b.block(t)
	return b
}

// block reads up to the next empty line.
func (b *browser) block(t *testing.T) event {
	t.Helper()
	var e event
	for {
		line, err := b.lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the stream ended: %v", err)
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "\n":
			return e
		case field == "":
			b.comments++
		case field == "id":
			e.id, b.lastID = value, value
		case field == "event":
			e.kind = value
		case field == "data":
			e.data += value
		case field == "retry":
			b.retry = value
		}
	}
}

// event waits for the next event that has data.
func (b *browser) event(t *testing.T) event {
	t.Helper()
	for {
		if e := b.block(t); e.data != "" {
			return e
		}
	}
}

func (b *browser) leave() { _ = b.response.Body.Close() }

func send(t *testing.T, sender *notify.Sender, title string) string {
	t.Helper()
	id, err := sender.Send(t.Context(), "", channel, notify.Notification{Type: "news", Title: title})
	must(t, err)
	return id
}

func (e event) title(t *testing.T) string {
	t.Helper()
	var n notify.Notification
	must(t, json.Unmarshal([]byte(e.data), &n))
	if n.ID != e.id {
		t.Errorf("event %q has the notification %q", e.id, n.ID)
	}
	return n.Title
}

func TestABrowserGetsEachNotificationOnce(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	sender, server := notify.New(rdb), serve(t, newHub(t, rdb), notify.SSEConfig{Retry: 3 * time.Second})
	send(t, sender, "before it came")
	b := connect(t, server, "")
	if b.retry != "3000" {
		t.Errorf("retry: %s", b.retry)
	}
	want := []string{}
	for i := range 5 {
		want = append(want, fmt.Sprint("live ", i))
		send(t, sender, want[i])
	}
	for _, title := range want {
		if got := b.event(t).title(t); got != title {
			t.Errorf("got %q, want %q", got, title)
		}
	}
	b.leave()
	for i := range 5 {
		send(t, sender, fmt.Sprint("away ", i))
	}
	b = connect(t, server, b.lastID)
	send(t, sender, "back")
	for i := range 5 {
		if got := b.event(t).title(t); got != fmt.Sprint("away ", i) {
			t.Errorf("got %q", got)
		}
	}
	if got := b.event(t).title(t); got != "back" {
		t.Errorf("got %q", got)
	}
}

// What is sent while a browser comes is in the log that it catches up from, in what it receives live, or in both.
func TestABrowserThatComesAmidNotificationsGetsEachOnce(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	sender, server := notify.New(rdb), serve(t, newHub(t, rdb), notify.SSEConfig{MaxPerChannel: 30})
	start := send(t, sender, "start")
	const count = notify.LogLength - 10
	var sending sync.WaitGroup
	sending.Go(func() {
		for i := range count {
			send(t, sender, fmt.Sprint(i))
		}
	})
	defer sending.Wait()
	browsers := make([]*browser, 20)
	for i := range browsers {
		browsers[i] = connect(t, server, start)
	}
	for _, b := range browsers {
		for i := range count {
			if got := b.event(t).title(t); got != fmt.Sprint(i) {
				t.Fatalf("got %q, want %d", got, i)
			}
		}
	}
}

func TestABrowserThatSawNothingYetComesBackToEverything(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	sender, server := notify.New(rdb), serve(t, newHub(t, rdb), notify.SSEConfig{})
	b := connect(t, server, "")
	b.leave()
	send(t, sender, "first ever")
	if got := connect(t, server, b.lastID).event(t).title(t); got != "first ever" {
		t.Errorf("got %q", got)
	}
}

func TestABrowserIsToldWhatTheLogNoLongerHas(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	sender, server := notify.New(rdb), serve(t, newHub(t, rdb), notify.SSEConfig{})
	first := send(t, sender, "first")
	second := send(t, sender, "second")
	for i := range 3 * notify.LogLength {
		send(t, sender, fmt.Sprint(i))
	}
	kept := rdb.XRange(t.Context(), "{"+channel+"}:log", "-", "+").Val()
	if len(kept) < notify.LogLength || len(kept) > 2*notify.LogLength {
		t.Errorf("the log has %d entries", len(kept))
	}
	for name, lastID := range map[string]string{"trimmed": first, "as old": second, "not an ID": "x", "ancient": "1-0",
		"to come": "99999999999999-0"} {
		b := connect(t, server, lastID)
		count := 0
		e := b.event(t)
		for ; e.kind != "gap"; e = b.event(t) {
			count++
		}
		if !strings.Contains(e.data, `"complete":false`) {
			t.Errorf("%s: %+v", name, e)
		}
		if wanted := name != "not an ID" && name != "to come"; wanted != (count == len(kept)) {
			t.Errorf("%s: %d notifications, the log has %d", name, count, len(kept))
		}
		send(t, sender, "live")
		for e := b.event(t); e.title(t) != "live"; e = b.event(t) {
		}
		b.leave()
		kept = rdb.XRange(t.Context(), "{"+channel+"}:log", "-", "+").Val()
	}
}

// A place that no log has had is answered with a gap, once: the browser then knows where it is.
func TestAForgedLastEventIDIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	sender, server := notify.New(rdb), serve(t, newHub(t, rdb), notify.SSEConfig{})
	const most = "18446744073709551615"
	for _, forged := range []string{most + "-" + most, most + "-0", "253402300800000-5", "9223372036854775808-1",
		fmt.Sprintf("%d-%s", time.Now().Add(time.Hour).UnixMilli(), most), "-1-0", "1-99999999999999999999999", "\xff"} {
		last := send(t, sender, "before")
		b := connect(t, server, forged)
		if e := b.event(t); e.kind != "gap" || !strings.Contains(e.data, `"complete":false`) || b.lastID != last {
			t.Errorf("%s: %+v, the browser is at %s, the log at %s", forged, e, b.lastID, last)
		}
		b.leave()
		again := connect(t, server, b.lastID)
		send(t, sender, "live")
		if e := again.event(t); e.kind != "" || e.title(t) != "live" {
			t.Errorf("%s: after it came back: %+v", forged, e)
		}
		again.leave()
	}
}

func TestALostConnectionToRedisIsMadeUpFor(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	hub := newHub(t, rdb)
	sender, server := notify.New(rdb), serve(t, hub, notify.SSEConfig{})
	b := connect(t, server, "")
	must(t, rdb.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err())
	send(t, sender, "while nobody listened")
	if got := b.event(t).title(t); got != "while nobody listened" {
		t.Errorf("got %q", got)
	}
	if e := b.event(t); e.kind != "gap" || !strings.Contains(e.data, `"complete":true`) {
		t.Errorf("%+v", e)
	}
	must(t, rdb.Publish(t.Context(), channel, `{"type":"x","title":"of another program"}`).Err())
	if e := b.event(t); e.id != "" || e.title(t) != "of another program" {
		t.Errorf("%+v", e)
	}
}

func TestIdleBrowsersGetSignsOfLifeAndOldOnesLeave(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	server := serve(t, newHub(t, rdb), notify.SSEConfig{KeepAlive: 10 * time.Millisecond, MaxAge: time.Second})
	b := connect(t, server, "")
	for b.comments < 3 {
		b.block(t)
	}
	for _, err := b.lines.ReadString('\n'); err == nil; _, err = b.lines.ReadString('\n') {
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	redisServer := redistest.New(t)
	rdb := redisServer.Client(t)
	hub := newHub(t, rdb)
	server := serve(t, hub, notify.SSEConfig{MaxPerChannel: 1})
	get := func(method, user string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
		must(t, err)
		r.Header.Set("User", user)
		response, err := server.Client().Do(r)
		must(t, err)
		defer response.Body.Close()
		return response.StatusCode
	}
	if status := get(http.MethodPost, "1"); status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", status)
	}
	for _, user := range []string{"", "}{", strings.Repeat("u", 2000)} {
		if status := get(http.MethodGet, user); status != http.StatusUnauthorized {
			t.Errorf("user of %d bytes: %d", len(user), status)
		}
	}
	b := connect(t, server, "")
	if status := get(http.MethodGet, "1"); status != http.StatusTooManyRequests {
		t.Errorf("a second one: %d", status)
	}
	b.leave()
	redisServer.Kill()
	await(t, func() bool { return get(http.MethodGet, "2") == http.StatusServiceUnavailable })
}

func TestClosingTheHubEndsItsBrowsers(t *testing.T) {
	t.Parallel()
	hub := newHub(t, redistest.New(t).Client(t))
	b := connect(t, serve(t, hub, notify.SSEConfig{}), "")
	must(t, hub.Close())
	if _, err := b.lines.ReadString('\n'); err == nil {
		t.Error("the stream goes on")
	}
}

func TestASlowBrowserIsDropped(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	hub := newHub(t, rdb)
	server := serve(t, hub, notify.SSEConfig{WriteTimeout: 50 * time.Millisecond})
	connect(t, server, "") // and reads no further
	text := strings.Repeat("x", 60_000)
	await(t, func() bool {
		publish(t, rdb, channel, text)
		return hub.Stats().Subscriptions == 0
	})
}

func TestManyBrowsersShareOneConnectionToRedis(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	hub := newHub(t, rdb)
	sender, server := notify.New(rdb), serve(t, hub, notify.SSEConfig{MaxPerChannel: 300})
	browsers := make([]*browser, 200)
	for i := range browsers {
		browsers[i] = connect(t, server, "")
	}
	var took []time.Duration
	for range 20 {
		start := time.Now()
		id := send(t, sender, "news")
		for i, b := range browsers {
			if e := b.event(t); e.id != id {
				t.Fatalf("browser %d got %+v, want %s", i, e, id)
			}
			if i == 0 {
				took = append(took, time.Since(start))
			}
		}
	}
	slices.Sort(took)
	t.Logf("from Send to a browser, one of %d: median %s", len(browsers), took[len(took)/2])
	if killed := rdb.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Val(); killed != int64(1) {
		t.Errorf("%v connections to Redis listen, want 1", killed)
	}
}
