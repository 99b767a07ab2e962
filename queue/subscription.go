package queue

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// source is one queue as a worker works on it.
type subscription struct {
	w        *Worker
	name     string
	cfg      QueueConfig
	keys     wire.Keys
	binding  wire.Binding
	reader   *redisx.Reader
	buffer   *buffer
	counters *counters

	wasPaused  atomic.Bool  // by a person, at the last beat
	redisAhead atomic.Int64 // ms by which Redis' clock is ahead of this process' own
}

func newSubscription(w *Worker, name string, cfg QueueConfig) *subscription {
	s := &subscription{
		w: w, name: name, cfg: cfg, reader: redisx.NewReader(w.rdb), buffer: w.dispatcher.addBuffer(cfg.Weight), counters: newCounters(w.kinds),
	}
	if cfg.Raw != nil {
		s.binding = wire.Binding{Raw: true, Group: cfg.Raw.Group, Kind: cfg.Raw.Kind}
	}
	s.keys = s.binding.Keys(w.cfg.Namespace, name)
	return s
}

// check makes sure, at the start, that the queue can be worked on at all.
func (s *subscription) check(ctx context.Context) error {
	if err := s.preflight(ctx); err != nil {
		return err
	}
	if err := s.ensureGroup(ctx); err != nil {
		return err
	}
	if err := s.w.registry().Bind(ctx, s.name, s.binding); err != nil && !redis.HasErrorPrefix(err, "OOM") {
		return err
	}
	groups, err := s.w.rdb.XInfoGroups(ctx, s.keys.Stream).Result()
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g.Name != s.binding.GroupName() {
			return fmt.Errorf("stream %s has another consumer group, %q: finished entries are deleted, and that group would miss them", s.keys.Stream, g.Name)
		}
	}
	return nil
}

func (w *Worker) registry() wire.Registry {
	return wire.Registry{RDB: w.rdb, Key: wire.RegistryKey(w.cfg.Namespace)}
}

// ensureGroup creates the stream and the group where they are missing, at 0, so that no entry is skipped.
func (s *subscription) ensureGroup(ctx context.Context) error {
	err := s.w.rdb.XGroupCreateMkStream(ctx, s.keys.Stream, s.binding.GroupName(), "0").Err()
	switch {
	case redis.HasErrorPrefix(err, "BUSYGROUP"):
		return nil
	case redis.HasErrorPrefix(err, "OOM"): // refused before it looked: the group may be there all the same
		groups, _ := s.w.rdb.XInfoGroups(ctx, s.keys.Stream).Result()
		if slices.ContainsFunc(groups, func(g redis.XInfoGroup) bool { return g.Name == s.binding.GroupName() }) {
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
