package inspect

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Inspector shows what is in Redis and lets a person act on it. Nothing it does takes longer in a longer queue, unless
// its comment says what bounds it.
type Inspector struct {
	rdb       redis.UniversalClient
	namespace string
	now       func() time.Time
}

// Config configures an [Inspector]. The zero value works.
type Config struct {
	Namespace string           // defaults to "navvy"
	Now       func() time.Time // defaults to time.Now
}

// New returns an inspector of the queues in rdb, which stays the caller's to close.
func New(rdb redis.UniversalClient, cfg Config) (*Inspector, error) {
	cfg.Namespace = cmp.Or(cfg.Namespace, wire.DefaultNamespace)
	if err := wire.ValidateNamespace(cfg.Namespace); err != nil {
		return nil, fmt.Errorf("queue: inspector: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Inspector{rdb: rdb, namespace: cfg.Namespace, now: cfg.Now}, nil
}

// place is a queue as the inspector finds it.
type place struct {
	name string
	wire.Binding
	keys wire.Keys
}

// find looks a queue up. ErrNotFound if nobody has ever used it.
func (i *Inspector) find(ctx context.Context, queue string) (place, error) {
	r := wire.Registry{RDB: i.rdb, Key: wire.RegistryKey(i.namespace)}
	b, known, err := r.Lookup(ctx, queue)
	if err != nil {
		return place{}, err
	}
	p := place{name: queue, Binding: b, keys: b.Keys(i.namespace, queue)}
	if known {
		return p, nil
	}
	if err := wire.ValidateQueue(queue); err != nil {
		return place{}, err
	}
	switch n, err := i.rdb.Exists(ctx, p.keys.Stream, p.keys.Bodies()).Result(); {
	case err != nil:
		return place{}, err
	case n == 0:
		return place{}, fmt.Errorf("no queue %q has ever been used here: %w", queue, ErrNotFound)
	}
	return p, nil
}
