package queue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	ringPing  = 10 * time.Second // a connection on which nothing has come for so long is tried
	ringRetry = time.Second
)

// rings are the notifications that a caretaker gets of jobs which are due before its next heartbeat: one subscription
// for all queues that a worker is the caretaker of. Without it they are looked for as often as they must be.
//
// Why: docs/decisions/engine.md#the-caretaker-is-notified-of-jobs-that-are-due-soon
type rings struct {
	down    atomic.Bool   // it fails
	changed chan struct{} // holds a signal that other channels are wanted

	mu     sync.Mutex
	wanted map[string]*session // by channel
}

func newRings() *rings {
	return &rings{changed: make(chan struct{}, 1), wanted: map[string]*session{}}
}

// want subscribes for a session, or no longer.
func (r *rings) want(ses *session, is bool) {
	if ses.cfg.Raw != nil || ses.queue.Lane != Normal {
		return // no client enqueues there; and the caretaker of the normal lane promotes for all
	}
	channel := ses.queue.DueChannel()
	r.mu.Lock()
	was := r.wanted[channel] == ses
	switch {
	case is:
		r.wanted[channel] = ses
	case was:
		delete(r.wanted, channel)
	}
	r.mu.Unlock()
	if was != is {
		select {
		case r.changed <- struct{}{}:
		default:
		}
	}
}

// rung passes a notification on: in how many ms a job is due.
func (r *rings) rung(channel, payload string) {
	r.mu.Lock()
	ses := r.wanted[channel]
	r.mu.Unlock()
	ms, err := strconv.ParseInt(payload, 10, 64)
	if ses != nil && err == nil {
		ses.promoteIn(time.Duration(min(max(ms, 0), promoteAhead.Milliseconds())) * time.Millisecond)
	}
}

// missing returns the channels that are wanted and not subscribed to, and those that are and need not be.
func (r *rings) missing(subscribed map[string]bool) (more, less []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for channel := range r.wanted {
		if !subscribed[channel] {
			more = append(more, channel)
		}
	}
	for channel := range subscribed {
		if r.wanted[channel] == nil {
			less = append(less, channel)
		}
	}
	return more, less
}

// receiveRings is the loop that keeps the subscription until the worker has ended.
func (w *Worker) receiveRings(ctx context.Context) {
	for {
		select {
		case <-w.rings.changed:
		case <-ctx.Done():
			return
		}
		for err := w.listen(ctx); err != nil && ctx.Err() == nil; err = w.listen(ctx) {
			if !w.rings.down.Swap(true) {
				w.observe(Event{Type: EventRedisError, Err: fmt.Errorf(
					"queue: not notified of jobs that are due soon, and looking for them instead: %w", err)})
			}
			select {
			case <-time.After(ringRetry):
			case <-ctx.Done():
			}
		}
	}
}

// listen subscribes to what is wanted, until that fails.
func (w *Worker) listen(ctx context.Context) error {
	sub := w.rdb.Subscribe(ctx)
	var receiving sync.WaitGroup
	defer receiving.Wait()
	defer sub.Close()
	subscribed, failed := map[string]bool{}, make(chan error, 1)
	for began := false; ; {
		more, less := w.rings.missing(subscribed)
		if err := errors.Join(subscribe(ctx, sub.Subscribe, more), subscribe(ctx, sub.Unsubscribe, less)); err != nil {
			return err
		}
		for _, channel := range more {
			subscribed[channel] = true
		}
		for _, channel := range less {
			delete(subscribed, channel)
		}
		if !began && len(subscribed) > 0 {
			began = true
			receiving.Go(func() { failed <- w.receive(ctx, sub) })
		}
		select {
		case <-w.rings.changed:
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

func subscribe(ctx context.Context, send func(context.Context, ...string) error, channels []string) error {
	if len(channels) == 0 {
		return nil
	}
	return send(ctx, channels...)
}

// receive passes notifications on until the connection fails.
func (w *Worker) receive(ctx context.Context, sub *redis.PubSub) error {
	for silent := 0; ; {
		message, err := sub.ReceiveTimeout(ctx, ringPing)
		var network net.Error
		switch {
		case err == nil:
			silent = 0
			w.rings.down.Store(false)
		case errors.As(err, &network) && network.Timeout() && silent == 0:
			silent++
			if err := sub.Ping(ctx); err != nil {
				return err
			}
		default:
			return err
		}
		if ring, ok := message.(*redis.Message); ok {
			w.rings.rung(ring.Channel, ring.Payload)
		}
	}
}
