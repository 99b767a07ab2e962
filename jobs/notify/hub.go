package notify

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/internal/link"
)

// ErrClosed says that a hub or a subscription was closed.
var ErrClosed = errors.New("notify: closed")

// topic is a channel, or a pattern of channels.
type topic struct {
	name    string
	pattern bool
}

// room is who listens to a topic. The hub's mutex guards it.
type room struct {
	boxes map[*mailbox]struct{}
	live  chan struct{} // closed while Redis has the subscription
	since time.Time     // since when messages may be missed; zero if it has not been live yet
}

func (r *room) isLive() bool {
	select {
	case <-r.live:
		return true
	default:
		return false
	}
}

// Hub listens for all subscriptions of a process on one connection, and opens it again whenever it is lost. It is safe
// for concurrent use. [Hub.Close] ends it.
type Hub struct {
	rdb    redis.UniversalClient // the caller's
	client redis.UniversalClient // for the one connection

	ctx     context.Context
	cancel  context.CancelFunc
	begin   sync.Once
	running sync.WaitGroup
	dropped atomic.Uint64

	wire   sync.Mutex // orders the commands: what is sent is what is wanted at that moment
	mu     sync.Mutex
	rooms  map[topic]*room
	pubsub *redis.PubSub // nil while there is no connection
}

// NewHub returns a hub on rdb, a *redis.Client or a *redis.ClusterClient, which stays the caller's. It connects with its
// first subscription.
func NewHub(rdb redis.UniversalClient) (*Hub, error) {
	client, err := link.NewClient(rdb)
	if err != nil {
		return nil, err
	}
	h := &Hub{rdb: rdb, client: client, rooms: map[topic]*room{}}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h, nil
}

// Close ends all subscriptions and the connection, and waits until they have ended. It may be called more than once.
func (h *Hub) Close() error {
	h.mu.Lock()
	first := h.ctx.Err() == nil
	h.cancel()
	for _, r := range h.rooms {
		for box := range r.boxes {
			box.close(ErrClosed)
		}
	}
	h.mu.Unlock()
	h.running.Wait()
	if !first {
		return nil
	}
	return h.client.Close()
}

// Stats is what a hub does.
type Stats struct {
	Connected     bool
	Topics        int // channels and patterns
	Subscriptions int
	Dropped       uint64 // messages that had no room in the buffer of a subscription, so far
}

// Stats returns what the hub does at this moment.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	stats := Stats{Connected: h.pubsub != nil, Topics: len(h.rooms), Dropped: h.dropped.Load()}
	for _, r := range h.rooms {
		stats.Subscriptions += len(r.boxes)
	}
	return stats
}

// join puts a mailbox into its room and waits until Redis has the subscription.
func (h *Hub) join(ctx context.Context, t topic, box *mailbox) error {
	h.mu.Lock()
	if h.ctx.Err() != nil {
		h.mu.Unlock()
		return ErrClosed
	}
	h.begin.Do(func() { h.running.Go(h.run) })
	r := h.rooms[t]
	created := r == nil
	if created {
		r = &room{boxes: map[*mailbox]struct{}{}, live: make(chan struct{})}
		h.rooms[t] = r
	}
	r.boxes[box] = struct{}{}
	h.mu.Unlock()
	if created {
		h.settle(t)
	}
	for {
		h.mu.Lock()
		live := r.live
		h.mu.Unlock()
		select {
		case <-live:
			return nil
		case <-ctx.Done():
			h.leave(t, box)
			return ctx.Err()
		case <-h.ctx.Done():
			return ErrClosed
		}
	}
}

// leave ends a mailbox, and its room's subscription with the last one.
func (h *Hub) leave(t topic, box *mailbox) {
	box.close(ErrClosed)
	h.mu.Lock()
	r := h.rooms[t]
	empty := false
	if r != nil {
		delete(r.boxes, box)
		if empty = len(r.boxes) == 0; empty {
			delete(h.rooms, t)
		}
	}
	h.mu.Unlock()
	if empty {
		h.settle(t)
	}
}

// settle has Redis send what is wanted of a topic: all, or nothing. A command that fails ends the connection, before the
// client library opens another by itself and nobody notices the gap; the next one begins with everything that is wanted.
func (h *Hub) settle(t topic) {
	h.wire.Lock()
	defer h.wire.Unlock()
	h.mu.Lock()
	_, wanted := h.rooms[t]
	pubsub := h.pubsub
	h.mu.Unlock()
	var err error
	switch {
	case pubsub == nil:
	case wanted && t.pattern:
		err = pubsub.PSubscribe(h.ctx, t.name)
	case wanted:
		err = pubsub.Subscribe(h.ctx, t.name)
	case t.pattern:
		err = pubsub.PUnsubscribe(h.ctx, t.name)
	default:
		err = pubsub.Unsubscribe(h.ctx, t.name)
	}
	if err != nil {
		_ = pubsub.Close()
	}
}

// run holds the connection until the hub is closed.
func (h *Hub) run() {
	link.Link{Open: h.open, Received: h.received, Lost: h.lost}.Run(h.ctx)
}

// open connects, with everything that is wanted.
func (h *Hub) open(ctx context.Context) (*redis.PubSub, error) {
	h.wire.Lock()
	defer h.wire.Unlock()
	h.mu.Lock()
	var channels, patterns []string
	for t := range h.rooms {
		if t.pattern {
			patterns = append(patterns, t.name)
		} else {
			channels = append(channels, t.name)
		}
	}
	h.mu.Unlock()
	pubsub := h.client.Subscribe(ctx)
	var err error
	if len(channels) > 0 {
		err = pubsub.Subscribe(ctx, channels...)
	}
	if err == nil && len(patterns) > 0 {
		err = pubsub.PSubscribe(ctx, patterns...)
	}
	if err != nil {
		_ = pubsub.Close()
		return nil, err
	}
	h.mu.Lock()
	h.pubsub = pubsub
	h.mu.Unlock()
	return pubsub, nil
}

// received hands on a message, or notes that Redis has or no longer has a subscription.
func (h *Hub) received(message any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch message := message.(type) {
	case *redis.Message:
		t := topic{name: message.Channel}
		if message.Pattern != "" {
			t = topic{name: message.Pattern, pattern: true}
		}
		if r := h.rooms[t]; r != nil {
			h.deliver(r, message)
		}
	case *redis.Subscription:
		switch r := h.rooms[topic{message.Channel, message.Kind[0] == 'p'}]; {
		case r == nil:
		case message.Kind == "subscribe" || message.Kind == "psubscribe":
			r.begin(time.Now())
		default:
			r.end(time.Now())
		}
	}
}

func (h *Hub) deliver(r *room, message *redis.Message) {
	now := time.Now()
	for box := range r.boxes {
		if !box.put(message.Channel, message.Payload, now) {
			h.dropped.Add(1)
		}
	}
}

// begin notes that Redis has the room's subscription. Who listened before may have missed something.
//
// Why: docs/decisions/features.md#a-gap-in-a-subscription-is-an-event-in-its-place
func (r *room) begin(now time.Time) {
	if r.isLive() {
		return
	}
	close(r.live)
	if r.since.IsZero() {
		return
	}
	for box := range r.boxes {
		box.miss(Gap{From: r.since, To: now, Disconnected: true})
	}
}

// end notes that Redis no longer has it.
func (r *room) end(since time.Time) {
	if r.isLive() {
		r.live, r.since = make(chan struct{}), since
	}
}

// lost notes that the connection was lost.
func (h *Hub) lost(_ error, alive time.Time) {
	if alive.IsZero() {
		alive = time.Now()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pubsub = nil
	for _, r := range h.rooms {
		r.end(alive)
	}
}
