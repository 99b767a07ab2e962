package queue

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// subscription is one queue as a worker works on it.
type subscription struct {
	w     *Worker
	queue wire.QueueRef
	cfg   QueueConfig

	reader   *redisx.Reader // of the session's read; interrupted by heartbeat and serve
	replies  *byteBudget    // of reads, claims and adoptions
	buffer   *buffer        // guarded by the dispatcher's mutex
	counters *counters      // added to by slots and loops, taken by heartbeat

	wasPaused  atomic.Bool  // by a person, at the last heartbeat; set by join and heartbeat
	full       fullness     // what is known of Redis being full
	redisAhead atomic.Int64 // set by heartbeat: ms by which Redis' clock is ahead of this process' own
	passedOver sync.Map     // the failures of bookkeeping that were reported
}

func newSubscription(w *Worker, name string, cfg QueueConfig) *subscription {
	return &subscription{
		w: w, queue: wire.NewQueueRef(w.cfg.Namespace, name, cfg.binding()), cfg: cfg,
		reader: redisx.NewReader(w.rdb), replies: newByteBudget(), buffer: w.dispatcher.addBuffer(cfg.Weight),
		counters: newCounters(w.kinds),
	}
}

// binding is how the queue is bound to its stream.
func (c QueueConfig) binding() wire.Binding {
	if c.Raw == nil {
		return wire.Binding{}
	}
	return wire.Binding{
		Raw: true, Group: c.Raw.Group, Kind: c.Raw.Kind, ForeignIdle: c.Raw.ForeignIdle.Milliseconds(),
	}
}

// bind makes sure, at the start, that the queue can be worked on at all, and notes in the registry how it is bound.
func (s *subscription) bind(ctx context.Context) error {
	if err := s.ensureGroup(ctx); err != nil {
		return err
	}
	if err := s.w.registry().Bind(ctx, s.queue.Name, s.cfg.binding()); err != nil {
		s.reportBookkeeping("registry", []string{err.Error()})
	}
	groups, err := s.w.rdb.XInfoGroups(ctx, s.queue.Stream).Result()
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g.Name != s.queue.Group {
			return s.otherGroup(g.Name)
		}
	}
	return nil
}

func (w *Worker) registry() wire.Registry { return wire.NewRegistry(w.rdb, w.cfg.Namespace) }

// ensureGroup creates the stream and the group where they are missing, at 0, so that no entry is skipped.
func (s *subscription) ensureGroup(ctx context.Context) error {
	err := s.w.rdb.XGroupCreateMkStream(ctx, s.queue.Stream, s.queue.Group, "0").Err()
	switch {
	case redis.HasErrorPrefix(err, "BUSYGROUP"):
		return nil
	case isFull(err): // refused before it looked: the group may be there all the same
		return wire.EnsureGroup(ctx, s.w.rdb, &s.queue)
	}
	return err
}

// work is the loop that keeps a session on the queue until the worker stops.
func (s *subscription) work(base context.Context) {
	backoff := s.newBackoff()
	var earlier *session
	for !s.w.isStopping() {
		ses, err := s.join(base)
		if err != nil {
			s.reportError("join", err)
			backoff.wait(s.w.stopping)
			continue
		}
		backoff.reset()
		if earlier != nil {
			earlier.abandon()
		}
		ses.serve()
		earlier = ses
	}
	if earlier != nil && earlier.lost() {
		earlier.abandon()
	}
}
