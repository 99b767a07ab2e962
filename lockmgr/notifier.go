package lockmgr

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
)

// notifier wakes waiters when a lock is released. All waiters share one subscription. Where the client talks to several
// servers, each lock that is waited for has its own, because sharded messages stay on the server of their slot.
type notifier struct {
	rdb     redis.UniversalClient
	readers sync.WaitGroup // one for each subscription

	mu       sync.Mutex          // guards all below, and the fields of channels and waiters
	closed   bool                // no subscription begins any more
	channels map[string]*channel // by name
	shared   *redis.PubSub       // the one subscription of a single server's client
	command  string              // PUBLISH or SPUBLISH; "" until the server was asked
}

// channel is a Pub/Sub channel on which the releases of one lock are published, and its waiters in this process.
type channel struct {
	name    string
	refs    int // calls of join without their leave
	waiters map[*waiter]struct{}
	pubsub  *redis.PubSub // nil until a waiter had to wait
}

// waiter is one that contends for a lock. Its fields are set when it is made.
type waiter struct {
	owner string
	fair  bool
	wake  chan struct{} // holds one value when the waiter should look again
}

func newNotifier(rdb redis.UniversalClient) *notifier {
	return &notifier{rdb: rdb, channels: map[string]*channel{}}
}

// publishCommand is the command that wakes: the sharded one where the server has it, which a cluster need not pass on
// to every node. Without an answer it is the old one, and waiters that subscribed to the other look by themselves.
func (n *notifier) publishCommand(ctx context.Context) string {
	n.mu.Lock()
	command := n.command
	n.mu.Unlock()
	if command != "" {
		return command
	}
	infos, err := n.rdb.Do(ctx, "COMMAND", "INFO", "SPUBLISH").Slice()
	if ctx.Err() != nil || err != nil && !isReply(err) {
		return "PUBLISH"
	}
	command = "PUBLISH"
	if err == nil && len(infos) == 1 && infos[0] != nil {
		command = "SPUBLISH"
	}
	n.mu.Lock()
	n.command = command
	n.mu.Unlock()
	return command
}

// isReply reports whether the error is the server's reply, not a failure to get one.
func isReply(err error) bool {
	_, ok := err.(redis.Error)
	return ok
}

// join returns the channel of that name for a caller that may have to wait, and must leave it.
func (n *notifier) join(name string) *channel {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.channels[name]
	if c == nil {
		c = &channel{name: name, waiters: map[*waiter]struct{}{}}
		n.channels[name] = c
	}
	c.refs++
	return c
}

// leave ends the channel's subscription with its last reference.
func (n *notifier) leave(c *channel) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c.refs--
	if c.refs > 0 {
		return
	}
	delete(n.channels, c.name)
	switch {
	case c.pubsub == nil || n.closed:
	case c.pubsub != n.shared:
		_ = c.pubsub.Close()
	case n.command == "SPUBLISH": // what cannot be unsubscribed now goes with the connection
		_ = c.pubsub.SUnsubscribe(context.Background(), c.name)
	default:
		_ = c.pubsub.Unsubscribe(context.Background(), c.name)
	}
}

func (n *notifier) addWaiter(c *channel, owner string, fair bool) *waiter {
	n.mu.Lock()
	defer n.mu.Unlock()
	w := &waiter{owner: owner, fair: fair, wake: make(chan struct{}, 1)}
	c.waiters[w] = struct{}{}
	return w
}

func (n *notifier) removeWaiter(c *channel, w *waiter) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(c.waiters, w)
}

// subscribe makes sure that the channel's messages are received. A failure is not the waiter's: the client library
// subscribes again, and until then waiters look by themselves.
func (n *notifier) subscribe(c *channel) {
	ctx := context.Background() // the subscription outlives the wait that began it; dialling has the client's time-out
	command := n.publishCommand(ctx)
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.pubsub != nil || n.closed {
		return
	}
	switch {
	case n.shared != nil && command == "SPUBLISH":
		_ = n.shared.SSubscribe(ctx, c.name)
	case n.shared != nil:
		_ = n.shared.Subscribe(ctx, c.name)
	case command == "SPUBLISH":
		c.pubsub = n.rdb.SSubscribe(ctx, c.name)
	default:
		c.pubsub = n.rdb.Subscribe(ctx, c.name)
	}
	if n.shared != nil {
		c.pubsub = n.shared
		return
	}
	if _, single := n.rdb.(*redis.Client); single {
		n.shared = c.pubsub
	}
	messages := c.pubsub.ChannelWithSubscriptions()
	n.readers.Go(func() { n.read(messages) })
}

// read passes on the messages of one subscription until it is closed.
func (n *notifier) read(messages <-chan any) {
	for message := range messages {
		switch m := message.(type) {
		case *redis.Subscription:
			n.wake(m.Channel, "")
		case *redis.Message:
			n.wake(m.Channel, m.Payload)
		}
	}
}

// wake lets the channel's waiters look; of the fair ones only the one with that owner, unless it is "".
func (n *notifier) wake(name, owner string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.channels[name]
	if c == nil {
		return
	}
	for w := range c.waiters {
		if w.fair && owner != "" && owner != w.owner {
			continue
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// close ends all subscriptions and waits for their readers. Closing twice is harmless.
func (n *notifier) close() {
	n.mu.Lock()
	if !n.closed {
		n.closed = true
		for _, c := range n.channels {
			if c.pubsub != nil && c.pubsub != n.shared {
				_ = c.pubsub.Close()
			}
		}
		if n.shared != nil {
			_ = n.shared.Close()
		}
	}
	n.mu.Unlock()
	n.readers.Wait()
}
