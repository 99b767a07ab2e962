package lockmgr

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
)

// hub wakes waiters when a lock is released. All waiters share one subscription. Where the client talks to several
// servers, each lock that is waited for has its own, because sharded messages stay on the server of their slot.
type hub struct {
	rdb     redis.UniversalClient
	closing chan struct{}
	readers sync.WaitGroup

	mu     sync.Mutex
	closed bool
	rooms  map[string]*room // by channel
	shared *redis.PubSub
	verb   string // PUBLISH or SPUBLISH; "" until the server was asked
}

// room is where the waiters of one channel are. The hub's mutex guards it.
type room struct {
	channel string
	turn    chan struct{} // holds one value while somebody contends
	guests  int
	waiters map[*waiter]struct{}
	pubsub  *redis.PubSub // nil until somebody had to wait
}

type waiter struct {
	owner string
	fair  bool
	wake  chan struct{}
}

func newHub(rdb redis.UniversalClient) *hub {
	return &hub{rdb: rdb, closing: make(chan struct{}), rooms: map[string]*room{}}
}

// publish is the command that wakes: the sharded one where the server has it, which a cluster need not pass on to every
// node. Without an answer it is the old one, and waiters that listen for the other look by themselves.
func (h *hub) publish(ctx context.Context) string {
	h.mu.Lock()
	verb := h.verb
	h.mu.Unlock()
	if verb != "" {
		return verb
	}
	infos, err := h.rdb.Do(ctx, "COMMAND", "INFO", "SPUBLISH").Slice()
	if ctx.Err() != nil || err != nil && !isReply(err) {
		return "PUBLISH"
	}
	verb = "PUBLISH"
	if err == nil && len(infos) == 1 && infos[0] != nil {
		verb = "SPUBLISH"
	}
	h.mu.Lock()
	h.verb = verb
	h.mu.Unlock()
	return verb
}

// isReply reports whether the error is the server's own word.
func isReply(err error) bool {
	_, ok := err.(redis.Error)
	return ok
}

func (h *hub) enter(channel string) *room {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[channel]
	if r == nil {
		r = &room{channel: channel, turn: make(chan struct{}, 1), waiters: map[*waiter]struct{}{}}
		h.rooms[channel] = r
	}
	r.guests++
	return r
}

// leave ends the room's subscription with its last guest.
func (h *hub) leave(r *room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.guests--
	if r.guests > 0 {
		return
	}
	delete(h.rooms, r.channel)
	switch {
	case r.pubsub == nil || h.closed:
	case r.pubsub != h.shared:
		_ = r.pubsub.Close()
	case h.verb == "SPUBLISH": // what cannot be unsubscribed now goes with the connection
		_ = r.pubsub.SUnsubscribe(context.Background(), r.channel)
	default:
		_ = r.pubsub.Unsubscribe(context.Background(), r.channel)
	}
}

func (h *hub) wait(r *room, owner string, fair bool) *waiter {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &waiter{owner: owner, fair: fair, wake: make(chan struct{}, 1)}
	r.waiters[w] = struct{}{}
	return w
}

func (h *hub) unwait(r *room, w *waiter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(r.waiters, w)
}

// subscribe makes sure that the room hears of releases. A failure is not the waiter's: the client library subscribes
// again, and until then waiters look by themselves.
func (h *hub) subscribe(r *room) {
	ctx := context.Background() // the subscription outlives the wait that began it; dialling has the client's time-out
	verb := h.publish(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.pubsub != nil || h.closed {
		return
	}
	switch {
	case h.shared != nil && verb == "SPUBLISH":
		_ = h.shared.SSubscribe(ctx, r.channel)
	case h.shared != nil:
		_ = h.shared.Subscribe(ctx, r.channel)
	case verb == "SPUBLISH":
		r.pubsub = h.rdb.SSubscribe(ctx, r.channel)
	default:
		r.pubsub = h.rdb.Subscribe(ctx, r.channel)
	}
	if h.shared != nil {
		r.pubsub = h.shared
		return
	}
	if _, single := h.rdb.(*redis.Client); single {
		h.shared = r.pubsub
	}
	messages := r.pubsub.ChannelWithSubscriptions()
	h.readers.Go(func() { h.read(messages) })
}

func (h *hub) read(messages <-chan any) {
	for message := range messages {
		switch m := message.(type) {
		case *redis.Subscription:
			h.wake(m.Channel, "")
		case *redis.Message:
			h.wake(m.Channel, m.Payload)
		}
	}
}

// wake lets the channel's waiters look; of the fair ones only the one that is named, if one is.
func (h *hub) wake(channel, owner string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[channel]
	if r == nil {
		return
	}
	for w := range r.waiters {
		if w.fair && owner != "" && owner != w.owner {
			continue
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

func (h *hub) close() {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.closing)
		for _, r := range h.rooms {
			if r.pubsub != nil && r.pubsub != h.shared {
				_ = r.pubsub.Close()
			}
		}
		if h.shared != nil {
			_ = h.shared.Close()
		}
	}
	h.mu.Unlock()
	h.readers.Wait()
}
