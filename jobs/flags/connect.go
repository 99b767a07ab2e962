package flags

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/jobs/internal/link"
)

// topologyPoll is how often a cluster is asked for its masters.
const topologyPoll = 2 * time.Second

// invalidations is the channel on which a connection without RESP3 is notified of changed keys.
const invalidations = "__redis__:invalidate"

// connect holds a link to each server that has flags: one, or the masters of a cluster, each of which sends the changes
// of its own keys alone.
func (w *Watcher) connect() {
	links := map[string]context.CancelFunc{} // by address
	var running sync.WaitGroup
	defer running.Wait()
	tick := time.NewTicker(topologyPoll)
	defer tick.Stop()
	for {
		if nodes, err := redisx.Masters(w.ctx, w.store.rdb); err == nil {
			w.follow(links, nodes, &running)
		} else {
			w.lost("", fmt.Errorf("flags: list the servers: %w", err))
		}
		select {
		case <-w.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// follow starts links to the servers that have none, and ends those to servers that have gone.
func (w *Watcher) follow(links map[string]context.CancelFunc, nodes []*redis.Client, running *sync.WaitGroup) {
	gone := make(map[string]context.CancelFunc, len(links))
	for addr, stop := range links {
		gone[addr] = stop
	}
	for _, node := range nodes {
		addr := node.Options().Addr
		if _, linked := links[addr]; linked {
			delete(gone, addr)
			continue
		}
		ctx, cancel := context.WithCancel(w.ctx)
		links[addr] = cancel
		w.lost(addr, fmt.Errorf("flags: not connected to %s yet", addr))
		running.Go(func() { w.listen(ctx, addr, node) })
	}
	for addr, stop := range gone {
		stop()
		delete(links, addr)
		w.joined(addr)
	}
	w.joined("")
}

// listen receives the changes on one server until ctx ends.
func (w *Watcher) listen(ctx context.Context, addr string, node *redis.Client) {
	refused := false
	client := link.Single(node, func(ctx context.Context, conn *redis.Conn) error {
		err := track(ctx, conn)
		_, refused = err.(redis.Error)
		return err
	})
	defer client.Close()
	link.Link{
		Open: func(ctx context.Context) (*redis.PubSub, error) {
			pubsub := client.Subscribe(ctx)
			if err := pubsub.Subscribe(ctx, invalidations); err != nil {
				_ = pubsub.Close()
				return nil, err
			}
			return pubsub, nil
		},
		Received: func(message any) {
			switch message := message.(type) {
			case *redis.Subscription:
				w.joined(addr)
			case *redis.Message:
				w.invalidate(message.PayloadSlice)
			}
		},
		Lost: func(err error, _ time.Time) {
			if refused {
				w.poll(addr)
				return
			}
			w.lost(addr, err)
		},
	}.Run(ctx)
}

// track has the server send the names of changed keys to this very connection.
//
// Why: docs/decisions/features.md#copies-of-flags-are-kept-by-client-tracking--bcast
func track(ctx context.Context, conn *redis.Conn) error {
	id, err := conn.ClientID(ctx).Result()
	if err != nil {
		return err
	}
	return conn.Do(ctx, "CLIENT", "TRACKING", "ON", "REDIRECT", id, "BCAST",
		"PREFIX", prefix, "PREFIX", companionPrefix).Err()
}

// joined records that a server's changes are received from here on. What happened before is read.
func (w *Watcher) joined(addr string) {
	w.mu.Lock()
	_, was := w.down[addr]
	delete(w.down, addr)
	w.all = w.all || was
	w.mu.Unlock()
	if was {
		w.poke()
	}
}

// lost records that a server's changes are not received.
func (w *Watcher) lost(addr string, err error) {
	w.mu.Lock()
	w.down[addr] = err
	w.fresh = false
	w.mu.Unlock()
	w.poke()
}

// poll records that a server does not send its changes: all flags are read time and again.
func (w *Watcher) poll(addr string) {
	w.mu.Lock()
	w.refused = true
	w.mu.Unlock()
	w.joined(addr)
}

// invalidate has the flags of changed keys read again.
func (w *Watcher) invalidate(keys []string) {
	w.mu.Lock()
	for _, key := range keys {
		flag := flagOf(key)
		switch {
		case key == indexKey, key == segmentsKey:
			w.all = true
		case checkFlag(flag) != nil: // a trail or a mark
		case len(w.wanted) < maxFlags:
			w.wanted[flag] = struct{}{}
		default:
			w.all = true
		}
	}
	w.mu.Unlock()
	w.poke()
}
