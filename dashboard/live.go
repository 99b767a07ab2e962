package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	liveEvery  = time.Second
	liveAtMost = 500       // browsers
	liveOfOne  = 20        // of them, of one user
	liveFor    = time.Hour // then the browser connects again
	liveWrite  = 10 * time.Second
)

// live sends to every browser, once a second, that there may be something new, or that Redis does not answer. One loop
// reads for all of them, and nothing is read while there is none.
type live struct {
	d *Dashboard

	mu      sync.Mutex
	closed  bool
	streams map[chan string]string // and whose each is
	serving sync.WaitGroup
}

func newLive(d *Dashboard) *live { return &live{d: d, streams: map[chan string]string{}} }

// run ticks until ctx ends, and returns once every stream has ended.
func (l *live) run(ctx context.Context) {
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if l.watched() {
				l.broadcast(l.message(ctx))
			}
		case <-ctx.Done():
			l.close()
			return
		}
	}
}

func (l *live) watched() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.streams) > 0
}

func (l *live) message(ctx context.Context) string {
	seen := l.d.summary(ctx, nil)
	if seen.err != nil {
		return "event: down\ndata: {}\n\n"
	}
	data, _ := json.Marshal(seen.data) // of numbers only
	return fmt.Sprintf("event: tick\ndata: %s\n\n", data)
}

// broadcast sends the message to every stream that has written the one before; a slow browser misses ticks, nothing
// else.
func (l *live) broadcast(message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for stream := range l.streams {
		select {
		case stream <- message:
		default:
		}
	}
}

func (l *live) close() {
	l.mu.Lock()
	l.closed = true
	for stream := range l.streams {
		close(stream)
		delete(l.streams, stream)
	}
	l.mu.Unlock()
	l.serving.Wait()
}

// subscribe returns a stream of a user, or the status of a refusal.
func (l *live) subscribe(user string) (stream chan string, refused int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.streams) >= liveAtMost {
		return nil, http.StatusServiceUnavailable
	}
	own := 0
	for _, of := range l.streams {
		if of == user {
			own++
		}
	}
	if own >= liveOfOne {
		return nil, http.StatusTooManyRequests
	}
	stream = make(chan string, 1)
	l.streams[stream] = user
	l.serving.Add(1)
	return stream, 0
}

func (l *live) unsubscribe(stream chan string) {
	l.mu.Lock()
	delete(l.streams, stream)
	l.mu.Unlock()
	l.serving.Done()
}

// serve is one browser's stream of server-sent events.
func (l *live) serve(w http.ResponseWriter, r *http.Request) {
	stream, refused := l.subscribe(userOf(r.Context()).Name)
	if refused != 0 {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many browsers are connected", refused)
		return
	}
	defer l.unsubscribe(stream)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	out := http.NewResponseController(w)
	end := time.NewTimer(liveFor)
	defer end.Stop()
	message := "retry: 2000\n\n"
	for {
		_ = out.SetWriteDeadline(time.Now().Add(liveWrite))
		if _, err := w.Write([]byte(message)); err != nil || out.Flush() != nil {
			return
		}
		var open bool
		select {
		case message, open = <-stream:
			if !open {
				return
			}
			if _, known := l.d.cfg.Auth.Identify(r); !known { // any longer
				return
			}
		case <-end.C:
			return
		case <-r.Context().Done():
			return
		}
	}
}
