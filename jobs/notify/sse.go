package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
)

// SSEConfig is how an [SSE] handler works. The zero value works.
type SSEConfig struct {
	MaxConnections int           // at once, in all. Defaults to 10,000
	MaxPerChannel  int           // at once, of one channel. Defaults to 10: a user's tabs
	MaxAge         time.Duration // of a connection; the browser comes back by itself. Defaults to 1 h
	KeepAlive      time.Duration // between comments on an idle connection, so that no proxy ends it. Defaults to 15 s
	WriteTimeout   time.Duration // for one write; a browser that is slower is dropped, and comes back. Defaults to 10 s
	Retry          time.Duration // after which a browser comes back. Defaults to 2 s
}

func (c SSEConfig) withDefaults() SSEConfig {
	setDefault(&c.MaxConnections, 10_000)
	setDefault(&c.MaxPerChannel, 10)
	setDefault(&c.MaxAge, time.Hour)
	setDefault(&c.KeepAlive, 15*time.Second)
	setDefault(&c.WriteTimeout, 10*time.Second)
	setDefault(&c.Retry, 2*time.Second)
	return c
}

func setDefault[T int | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

// joinLimit is how long a browser waits for Redis before it is sent away.
const joinLimit = 5 * time.Second

// SSE brings a channel to browsers: a handler of GET requests that answers with server-sent events (text/event-stream,
// the WHATWG's HTML standard, section 9.2).
//
// A notification is an event of the default type; its data is the notification in JSON, its ID that of the entry in the
// channel's log. A browser that comes back says which ID it had last (Last-Event-ID), and gets what it missed, each
// notification once. An event of type gap, with data {from, to, dropped, complete}, says that something may be missing:
// complete is true if everything that [Sender.Send] sent has been made up for, and only messages published
// without a log may be lost.
//
// It answers 401 where there is no channel, 405 to other methods, 429 with Retry-After beyond MaxPerChannel, and 503
// with Retry-After beyond MaxConnections or while Redis is away. Closing the hub ends all connections:
// server.RegisterOnShutdown(func() { hub.Close() }).
type SSE struct {
	hub     *Hub
	channel func(r *http.Request) (channel string, ok bool)
	cfg     SSEConfig
	logs    logs

	mu         sync.Mutex
	open       int
	perChannel map[string]int
}

// NewSSE returns a handler. The function channel returns the channel that a request may receive, or false for none: it
// is where the request is authenticated.
func NewSSE(hub *Hub, channel func(r *http.Request) (channel string, ok bool), cfg SSEConfig) *SSE {
	return &SSE{
		hub: hub, channel: channel, cfg: cfg.withDefaults(), logs: logs{hub.rdb}, perChannel: map[string]int{},
	}
}

// Connections is how many browsers are connected.
func (s *SSE) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// ServeHTTP serves one browser until it leaves, is too slow, has been there for MaxAge, or the hub is closed.
func (s *SSE) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "want GET", http.StatusMethodNotAllowed)
		return
	}
	channel, ok := s.channel(r)
	if !ok || checkChannel(channel) != nil {
		http.Error(w, "no channel for this request", http.StatusUnauthorized)
		return
	}
	if status := s.enter(channel); status != http.StatusOK {
		s.refuse(w, status, "too many connections")
		return
	}
	defer s.exit(channel)
	after, known := lastEventID(r)
	sub, after, err := s.join(r.Context(), channel, after, known)
	if err != nil {
		s.refuse(w, http.StatusServiceUnavailable, "notifications are not available")
		return
	}
	defer sub.Close()
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.MaxAge)
	defer cancel()
	out := newStream(w, s.cfg.WriteTimeout)
	if out.begin(s.cfg.Retry, after) != nil {
		return
	}
	if returned := r.Header.Get("Last-Event-ID") != ""; returned && !known && out.gap(Gap{}, false) != nil {
		return
	}
	s.follow(ctx, out, sub, channel, known)
}

// maxAhead is how far a clock of Redis may be before ours.
const maxAhead = 24 * time.Hour

// lastEventID is the place that a browser comes back from. One that no log can have had is none: it would be sent back
// to the browser, and come again.
func lastEventID(r *http.Request) (redisx.StreamID, bool) {
	at, known := redisx.ParseStreamID(r.Header.Get("Last-Event-ID"))
	if !known || at.Ms > uint64(time.Now().Add(maxAhead).UnixMilli()) {
		return redisx.StreamID{}, false
	}
	return at, true
}

func (s *SSE) refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Retry-After", fmt.Sprint(max(1, int(s.cfg.Retry.Seconds()))))
	http.Error(w, why, status)
}

func (s *SSE) enter(channel string) (status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.open >= s.cfg.MaxConnections:
		return http.StatusServiceUnavailable
	case s.perChannel[channel] >= s.cfg.MaxPerChannel:
		return http.StatusTooManyRequests
	}
	s.open++
	s.perChannel[channel]++
	return http.StatusOK
}

func (s *SSE) exit(channel string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.perChannel[channel]--; s.perChannel[channel] == 0 {
		delete(s.perChannel, channel)
	}
}

// join subscribes, and finds out where a browser that comes for the first time begins. It looks before it subscribes,
// so that nothing is lost in between.
func (s *SSE) join(
	ctx context.Context, channel string, after redisx.StreamID, known bool,
) (*Subscription[json.RawMessage], redisx.StreamID, error) {
	ctx, cancel := context.WithTimeout(ctx, joinLimit)
	defer cancel()
	if !known {
		var err error
		if after, err = s.logs.end(ctx, channel); err != nil {
			return nil, after, err
		}
	}
	sub, err := Subscribe[json.RawMessage](ctx, s.hub, channel, Buffer{})
	return sub, after, err
}

// follow writes what the browser missed, and then what comes.
func (s *SSE) follow(
	ctx context.Context, out *stream, sub *Subscription[json.RawMessage], channel string, returned bool,
) {
	complete, err := s.catchUp(ctx, out, channel)
	if err == nil && returned && !complete {
		err = out.gap(Gap{}, false)
	}
	for err == nil {
		err = s.one(ctx, out, sub, channel)
	}
}

// catchUp writes what the log has after the last entry that the browser has.
func (s *SSE) catchUp(ctx context.Context, out *stream, channel string) (complete bool, err error) {
	complete = true
	for more := true; more; {
		missed, err := s.logs.since(ctx, channel, out.last)
		if err != nil {
			return false, err
		}
		for _, e := range missed.entries {
			if err := out.notification(e.at, withID(e.at, e.payload)); err != nil {
				return false, err
			}
		}
		if missed.end.Compare(out.last) < 0 {
			out.last = missed.end // or nothing to come would be new
		}
		complete, more = complete && missed.complete, missed.more
	}
	return complete, out.flush()
}

// withID is a notification of the log as it was published.
func withID(at redisx.StreamID, payload string) string {
	return `{"id":"` + at.String() + `",` + strings.TrimPrefix(payload, "{")
}

// one writes the next event, or a sign of life.
func (s *SSE) one(ctx context.Context, out *stream, sub *Subscription[json.RawMessage], channel string) error {
	wait, cancel := context.WithTimeout(ctx, s.cfg.KeepAlive)
	defer cancel()
	event, err := sub.Next(wait)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return out.comment()
	case err != nil:
		return err
	case event.Gap != nil:
		complete, err := s.catchUp(ctx, out, channel)
		if err != nil {
			return err // the browser comes back, and asks again
		}
		return out.gap(*event.Gap, complete)
	case event.Err != nil:
		return nil // not JSON: nothing that a browser could read
	}
	var n struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(event.Message, &n) // without an ID it is a message without a log
	if at, logged := redisx.ParseStreamID(n.ID); logged {
		return errors.Join(out.notification(at, event.Payload), out.flush())
	}
	return errors.Join(out.message(event.Payload), out.flush())
}
