package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// registry knows which queues exist, in one hash of the namespace: queue → how it is bound. It is where a person's
// look begins, and nothing that a job depends on.
type registry struct {
	rdb redis.UniversalClient
	key string
}

// binding is how a queue is bound to its stream.
type binding struct {
	Raw   bool   `json:"raw,omitempty"`
	Group string `json:"group,omitempty"`
	Kind  string `json:"kind,omitempty"` // raw: of entries that have none
}

func (b binding) keys(namespace, queue string) keys {
	if b.Raw {
		return rawKeys(queue)
	}
	return queueKeys(namespace, queue)
}

func (b binding) group() string {
	if b.Group == "" {
		return DefaultGroup
	}
	return b.Group
}

// noteQueue notes that a client uses a queue. Its failure is no one's concern: the next does it.
func (r registry) addQueue(ctx context.Context, queue string) {
	_ = r.rdb.HSetNX(ctx, r.key, queue, "{}").Err()
}

// bind notes how a worker has bound a queue.
func (r registry) bind(ctx context.Context, queue string, b binding) error {
	text, _ := json.Marshal(b) // strings and a bool: cannot fail
	return r.rdb.HSet(ctx, r.key, queue, text).Err()
}

// lookup returns how a queue is bound; one that nobody has noted is a queue of navvy's own.
func (r registry) lookup(ctx context.Context, queue string) (b binding, known bool, err error) {
	text, err := r.rdb.HGet(ctx, r.key, queue).Bytes()
	if errors.Is(err, redis.Nil) {
		return b, false, nil
	}
	if err != nil {
		return b, false, err
	}
	if err := json.Unmarshal(text, &b); err != nil {
		return b, false, fmt.Errorf("registry of queues: %w", err)
	}
	return b, true, nil
}
