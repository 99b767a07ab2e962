package inspect

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Inspector shows what is in Redis and acts on it for a person. Nothing it does takes longer in a longer queue, unless
// its comment says what bounds it.
type Inspector struct {
	rdb      redis.UniversalClient
	registry wire.Registry
	now      func() time.Time
}

// Config configures an [Inspector]. The zero value works.
type Config struct {
	Namespace string           // defaults to "navvy"
	Confined  bool             // queues that are bound to streams outside of the namespace do not exist
	Now       func() time.Time // defaults to time.Now
}

// New returns an inspector of the queues in rdb, which stays the caller's to close. The client of a cluster gets a hook
// by which it reads the cluster's map again when a command fails.
func New(rdb redis.UniversalClient, cfg Config) (*Inspector, error) {
	cfg.Namespace = cmp.Or(cfg.Namespace, wire.DefaultNamespace)
	if err := wire.ValidateNamespace(cfg.Namespace); err != nil {
		return nil, fmt.Errorf("queue: inspector: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	redisx.Follow(rdb)
	registry := wire.NewRegistry(rdb, cfg.Namespace)
	if cfg.Confined {
		registry = registry.Confined()
	}
	return &Inspector{rdb: rdb, registry: registry, now: cfg.Now}, nil
}

// find looks a queue up. [ErrNotFound] if no program has ever used it.
func (i *Inspector) find(ctx context.Context, queue string) (*wire.QueueRef, error) {
	q, known, err := i.registry.Lookup(ctx, queue)
	if err != nil {
		return nil, err
	}
	n, err := i.rdb.Exists(ctx, q.LaneStreams()...).Result()
	if err != nil && !redis.HasErrorPrefix(err, "NOPERM") {
		return nil, err
	}
	if q.Laned = n > 0; known || q.Laned {
		return &q, nil
	}
	if err := wire.ValidateQueue(queue); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadQuery, err)
	}
	switch n, err := i.rdb.Exists(ctx, q.Stream, q.Bodies(), q.Totals(), q.Dead(), q.CancelledJobs(),
		q.ExpiredJobs()).Result(); {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, fmt.Errorf("no queue %q has ever been used here: %w", queue, ErrNotFound)
	}
	return &q, nil
}
