package queue

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// bind makes sure, at the start, that queues can be worked on at all, and notes in the registry how they are bound.
func (w *Worker) bind(ctx context.Context, subscriptions []*subscription) error {
	pipe := w.rdb.Pipeline()
	made := make([]*redis.StatusCmd, len(subscriptions))
	for i, s := range subscriptions {
		made[i] = pipe.XGroupCreateMkStream(ctx, s.queue.Stream, s.queue.Group, "0")
	}
	_, _ = pipe.Exec(ctx) // each has its own error
	bindings := make(map[string]wire.Binding, len(subscriptions))
	for i, s := range subscriptions {
		if err := s.ensured(ctx, made[i].Err()); err != nil {
			return fmt.Errorf("queue %s: %w", s.queue.Name, err)
		}
		bindings[s.queue.Name] = s.cfg.binding()
	}
	if err := w.registry().Bind(ctx, bindings); err != nil {
		subscriptions[0].reportBookkeeping("registry", []string{err.Error()})
	}
	pipe = w.rdb.Pipeline()
	groups := make([]*redis.XInfoGroupsCmd, len(subscriptions))
	for i, s := range subscriptions {
		groups[i] = pipe.XInfoGroups(ctx, s.queue.Stream)
	}
	_, _ = pipe.Exec(ctx)
	for i, s := range subscriptions {
		if err := s.aloneInItsStream(groups[i]); err != nil {
			return fmt.Errorf("queue %s: %w", s.queue.Name, err)
		}
	}
	return nil
}

// aloneInItsStream refuses a stream that has another group.
func (s *subscription) aloneInItsStream(groups *redis.XInfoGroupsCmd) error {
	found, err := groups.Result()
	if err != nil {
		return err
	}
	for _, g := range found {
		if g.Name != s.queue.Group {
			return s.otherGroup(g.Name)
		}
	}
	return nil
}

// joinAll registers with all queues together when the worker starts. A queue for which that fails is left out: its
// subscription tries again.
func (w *Worker) joinAll(base context.Context) map[*subscription]*session {
	joined := make(map[*subscription]*session, len(w.subscriptions))
	if !w.sharesCommands() {
		return joined
	}
	ctx, cancel := context.WithTimeout(base, w.cfg.Lease)
	defer cancel()
	registration := w.registration()
	for some := range slices.Chunk(w.subscriptions, startAtOnce) {
		pipe, sent := w.rdb.Pipeline(), monotonic()
		sessions := make([]*session, len(some))
		paused := make([]*redis.Cmd, len(some))
		for i, s := range some {
			sessions[i] = s.newSession()
			paused[i] = wire.JoinIn(ctx, pipe, &s.queue, sessions[i].consumer, s.registration(registration), i == 0)
		}
		_, _ = pipe.Exec(ctx) // each has its own error
		for i, s := range some {
			if n, err := paused[i].Int(); err == nil {
				sessions[i].joined(base, ctx, sent, n == 1)
				joined[s] = sessions[i]
			}
		}
	}
	return joined
}
