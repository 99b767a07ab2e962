package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// registry knows which queues exist, in one hash of the namespace: queue → how it is bound. It is where a person's
// look begins, and nothing that a job depends on.
type Registry struct {
	RDB redis.UniversalClient
	Key string
}

// binding is how a queue is bound to its stream.
type Binding struct {
	Raw   bool   `json:"raw,omitempty"`
	Group string `json:"group,omitempty"`
	Kind  string `json:"kind,omitempty"` // raw: of entries that have none
}

func (b Binding) Keys(namespace, queue string) Keys {
	if b.Raw {
		return rawKeys(queue)
	}
	return QueueKeys(namespace, queue)
}

func (b Binding) GroupName() string {
	if b.Group == "" {
		return DefaultGroup
	}
	return b.Group
}

// noteQueue notes that a client uses a queue. Its failure is no one's concern: the next does it.
func (r Registry) AddQueue(ctx context.Context, queue string) {
	_ = r.RDB.HSetNX(ctx, r.Key, queue, "{}").Err()
}

// bind notes how a worker has bound a queue.
func (r Registry) Bind(ctx context.Context, queue string, b Binding) error {
	text, _ := json.Marshal(b) // strings and a bool: cannot fail
	return r.RDB.HSet(ctx, r.Key, queue, text).Err()
}

// lookup returns how a queue is bound; one that nobody has noted is a queue of navvy's own.
func (r Registry) Lookup(ctx context.Context, queue string) (b Binding, known bool, err error) {
	text, err := r.RDB.HGet(ctx, r.Key, queue).Bytes()
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
