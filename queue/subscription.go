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
	queue wire.QueueRef // in the lane of this subscription
	whole wire.QueueRef // in its normal lane: what is not of a lane is the whole queue's
	cfg   QueueConfig
	base  context.Context // of its sessions; set by work

	reader   *redisx.Reader // of the session's read; interrupted by heartbeat and serve; nil if queues share reads
	shares   bool           // it waits for jobs with the worker's other queues
	place    int            // among those
	replies  *byteBudget    // of reads, claims and adoptions
	buffer   *buffer        // guarded by the dispatcher's mutex
	counters *counters      // added to by slots and loops, taken by heartbeat
	declares []declaredCron
	declared atomic.Bool // whether they are; set by the chore cron

	// of the session's read alone
	apart     bool  // something is wrong with the queue: it shares no read
	jobsAt    int64 // when jobs came last, on the monotonic clock
	busyUntil int64 // and until when it has a read of its own

	waiting atomic.Pointer[redisx.Reader] // the read of its own that may wait; set by read
	last    string                        // the consumer of the session before; of work

	lanesOpen atomic.Bool
	lanes     []*subscription // those beside the normal lane; set by openLanes, once
	lanesEnd  sync.WaitGroup

	wasPaused  atomic.Bool  // by a person, at the last heartbeat; set by join and heartbeat
	full       fullness     // what is known of Redis being full
	redisAhead atomic.Int64 // set by heartbeat: ms by which Redis' clock is ahead of this process' own
	passedOver sync.Map     // the failures of bookkeeping that were reported
}

func newSubscription(w *Worker, name string, cfg QueueConfig) *subscription {
	s := &subscription{
		w: w, queue: wire.NewQueueRef(w.cfg.Namespace, name, cfg.binding()), cfg: cfg,
		replies: newByteBudget(), buffer: w.dispatcher.addBuffer(cfg.Weight), counters: newCounters(w.kinds),
		shares: w.sharesCommands() && len(w.cfg.Queues) > 1, place: len(w.subscriptions),
	}
	if s.whole = s.queue; !s.shares {
		s.reader = w.newReader()
	}
	return s
}

func (w *Worker) newReader() *redisx.Reader { return redisx.NewReader(w.rdb) }

// binding is how the queue is bound to its stream.
func (c QueueConfig) binding() wire.Binding {
	if c.Raw == nil {
		return wire.Binding{}
	}
	return wire.Binding{
		Raw: true, Group: c.Raw.Group, Kind: c.Raw.Kind, ForeignIdle: c.Raw.ForeignIdle.Milliseconds(),
	}
}

func (w *Worker) registry() wire.Registry { return wire.NewRegistry(w.rdb, w.cfg.Namespace) }

// ensureGroup creates the stream and the group where they are missing, at 0, so that no entry is skipped.
func (s *subscription) ensureGroup(ctx context.Context) error {
	return s.ensured(ctx, s.w.rdb.XGroupCreateMkStream(ctx, s.queue.Stream, s.queue.Group, "0").Err())
}

// ensured judges what became of an XGROUP CREATE.
func (s *subscription) ensured(ctx context.Context, err error) error {
	switch {
	case redis.HasErrorPrefix(err, "BUSYGROUP"):
		return nil
	case isFull(err): // refused before it looked: the group may be there all the same
		return wire.EnsureGroup(ctx, s.w.rdb, &s.queue)
	}
	return err
}

// work is the loop that keeps a session on the queue until the worker stops. It may have joined already.
func (s *subscription) work(base context.Context, joined *session) {
	defer s.lanesEnd.Wait()
	s.base = base
	if s.cfg.Lanes != nil && !s.w.isStopping() {
		s.openLanes()
	}
	backoff := s.newBackoff()
	var earlier *session
	for !s.w.isStopping() || joined != nil {
		ses := joined
		if joined = nil; ses == nil {
			var err error
			if ses, err = s.join(base); err != nil {
				s.reportError("join", err)
				backoff.wait(s.w.stopping)
				continue
			}
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
