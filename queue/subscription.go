package queue

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// source is one queue as a worker works on it.
type subscription struct {
	w        *Worker
	name     string
	cfg      QueueConfig
	keys     keys
	binding  binding
	reader   *reader
	buffer   *buffer
	counters *counters

	wasPaused  atomic.Bool  // by a person, at the last beat
	redisAhead atomic.Int64 // ms by which Redis' clock is ahead of this process' own
}

func newSubscription(w *Worker, name string, cfg QueueConfig) *subscription {
	s := &subscription{
		w: w, name: name, cfg: cfg, reader: newReader(w.rdb), buffer: w.dispatcher.addBuffer(cfg.Weight), counters: newCounters(w.kinds),
	}
	if cfg.Raw != nil {
		s.binding = binding{Raw: true, Group: cfg.Raw.Group, Kind: cfg.Raw.Kind}
	}
	s.keys = s.binding.keys(w.cfg.Namespace, name)
	return s
}

// incarnation stands in a consumer name between the worker's name and what is new in each session.
const incarnation = "#"

// check makes sure, at the start, that the queue can be worked on at all.
func (s *subscription) check(ctx context.Context) error {
	if err := s.preflight(ctx); err != nil {
		return err
	}
	if err := s.ensureGroup(ctx); err != nil {
		return err
	}
	if err := s.w.registry().bind(ctx, s.name, s.binding); err != nil && !redis.HasErrorPrefix(err, "OOM") {
		return err
	}
	groups, err := s.w.rdb.XInfoGroups(ctx, s.keys.stream).Result()
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g.Name != s.binding.group() {
			return fmt.Errorf("stream %s has another consumer group, %q: finished entries are deleted, and that group would miss them", s.keys.stream, g.Name)
		}
	}
	return nil
}

func (w *Worker) registry() registry {
	return registry{rdb: w.rdb, key: registryKey(w.cfg.Namespace)}
}

// ensureGroup creates the stream and the group where they are missing, at 0, so that no entry is skipped.
func (s *subscription) ensureGroup(ctx context.Context) error {
	err := s.w.rdb.XGroupCreateMkStream(ctx, s.keys.stream, s.binding.group(), "0").Err()
	switch {
	case redis.HasErrorPrefix(err, "BUSYGROUP"):
		return nil
	case redis.HasErrorPrefix(err, "OOM"): // refused before it looked: the group may be there all the same
		groups, _ := s.w.rdb.XInfoGroups(ctx, s.keys.stream).Result()
		if slices.ContainsFunc(groups, func(g redis.XInfoGroup) bool { return g.Name == s.binding.group() }) {
			return nil
		}
	}
	return err
}

// work keeps a session on the queue until the worker stops.
func (s *subscription) work(base context.Context) {
	backoff := newReconnectBackoff(s.w.cfg.Rand)
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

func (w *Worker) isStopping() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}

// join registers under a new consumer name.
func (s *subscription) join(base context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(base, s.w.cfg.Lease)
	defer cancel()
	if err := s.ensureGroup(ctx); err != nil {
		return nil, err
	}
	ses := &session{
		subscription: s, consumer: s.w.cfg.Name + incarnation + strings.ToLower(rand.Text()[:6]),
		settled: make(chan struct{}), parked: make(chan struct{}, 1), claimed: make(chan struct{}, 1),
	}
	ses.acker = newAcker(ses)
	sent := monotonic()
	paused, err := scriptJoin.Run(ctx, s.w.rdb,
		[]string{s.keys.workers(), s.keys.worker(ses.consumer), s.keys.paused()}, ses.registration()...).Int()
	if err != nil {
		return nil, err
	}
	ses.extend(sent)
	ses.ctx, ses.cancel = context.WithCancelCause(base)
	s.observe(Event{Type: EventWorkerJoined, Worker: ses.consumer})
	ses.applyPause(ctx, paused == 1)
	return ses, nil
}

func (ses *session) registration() []any {
	host, _ := os.Hostname()
	w := ses.w
	return []any{
		ses.consumer, w.cfg.Lease.Milliseconds(),
		"host", host, "pid", strconv.Itoa(os.Getpid()), "slots", w.cfg.Concurrency,
		"started_ms", w.cfg.Now().UnixMilli(), "lease_ms", w.cfg.Lease.Milliseconds(), "max_crashes", w.cfg.MaxCrashes, "version", version(),
	}
}

// version is that of the worker's program, as the Go toolchain noted it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return info.Main.Path + "@" + info.Main.Version
}

func (s *subscription) observe(e Event) {
	e.Queue = s.name
	s.w.observe(e)
}

func (s *subscription) reportError(doing string, err error) {
	s.observe(Event{Type: EventRedisError, Err: fmt.Errorf("queue: %s: %s: %w", s.name, doing, err)})
}
