package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// Registry knows which queues exist, in one hash of the namespace: queue → how it is bound. It is where a person
// begins to look, and nothing that a job depends on. Beside it stands the version of what is in Redis.
type Registry struct {
	rdb       redis.UniversalClient
	namespace string
	queues    string
	version   string
	confined  bool // to streams of the namespace
}

// NewRegistry returns the registry of a namespace.
func NewRegistry(rdb redis.UniversalClient, namespace string) Registry {
	return Registry{rdb: rdb, namespace: namespace, queues: namespace + ":queues", version: namespace + ":version"}
}

// Confined returns the registry as one that does not know queues that are bound to streams outside of the namespace:
// who may write in it could otherwise name another one's stream.
func (r Registry) Confined() Registry {
	r.confined = true
	return r
}

// knows reports whether a queue that was noted is one for this registry.
func (r Registry) knows(queue string, b Binding) bool {
	return !r.confined || !b.Raw || strings.HasPrefix(queue, r.namespace+":")
}

// Binding is how a queue is bound to its stream. The zero value is that of a queue of navvy's own.
type Binding struct {
	Raw   bool   `json:"raw,omitempty"`
	Group string `json:"group,omitempty"` // "" is DefaultGroup
	Kind  string `json:"kind,omitempty"`  // raw: of entries that have none

	ForeignIdle int64 `json:"foreign_idle_ms,omitempty"` // raw: 0 is DefaultForeignIdle
}

// AddQueues notes that a client uses queues.
func (r Registry) AddQueues(ctx context.Context, queues ...string) error {
	pipe := r.rdb.Pipeline()
	for _, queue := range queues {
		pipe.HSetNX(ctx, r.queues, queue, "{}")
	}
	return redisx.Execute(ctx, pipe)
}

// Bind notes how a worker has bound queues.
func (r Registry) Bind(ctx context.Context, queues map[string]Binding) error {
	fields := make([]any, 0, 2*len(queues))
	for queue, b := range queues {
		text, _ := json.Marshal(b) // strings and a bool: cannot fail
		fields = append(fields, queue, text)
	}
	return r.rdb.HSet(ctx, r.queues, fields...).Err()
}

// Lookup returns a queue as it is bound, and whether it was noted; one that was not is a queue of navvy's own.
func (r Registry) Lookup(ctx context.Context, queue string) (q QueueRef, known bool, err error) {
	var b Binding
	text, err := r.rdb.HGet(ctx, r.queues, queue).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return NewQueueRef(r.namespace, queue, b), false, nil
	case err != nil:
		return QueueRef{}, false, err
	}
	if err := json.Unmarshal(text, &b); err != nil {
		return QueueRef{}, false, fmt.Errorf("registry of queues: %w", err)
	}
	if !r.knows(queue, b) {
		return NewQueueRef(r.namespace, queue, Binding{}), false, nil
	}
	return NewQueueRef(r.namespace, queue, b), true, nil
}

// Queues lists the queues that were noted, in no order.
func (r Registry) Queues(ctx context.Context) ([]string, error) {
	if !r.confined {
		return r.rdb.HKeys(ctx, r.queues).Result()
	}
	all, err := r.All(ctx)
	names := make([]string, len(all))
	for i, q := range all {
		names[i] = q.Name
	}
	return names, err
}

// How many queues are listed at the most, and in one command.
const (
	listedMost = 100_000
	listedStep = 1000
)

// All lists the queues that were noted, in no order, with how they are bound. A binding that cannot be read counts as
// none: whatever looks the queue up reports that.
func (r Registry) All(ctx context.Context) ([]QueueRef, error) {
	var all []QueueRef
	seen := map[string]bool{} // a scan may bring a field twice
	for cursor := uint64(0); len(all) < listedMost; {
		pairs, next, err := r.rdb.HScan(ctx, r.queues, cursor, "", listedStep).Result()
		if err != nil {
			return nil, err
		}
		for k := 0; k+1 < len(pairs); k += 2 {
			var b Binding
			if seen[pairs[k]] {
				continue
			}
			seen[pairs[k]] = true
			if json.Unmarshal([]byte(pairs[k+1]), &b) != nil {
				b = Binding{}
			}
			if r.knows(pairs[k], b) {
				all = append(all, NewQueueRef(r.namespace, pairs[k], b))
			}
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	return all, nil
}

// Forget removes a queue from the registry.
func (r Registry) Forget(ctx context.Context, queue string) error {
	return r.rdb.HDel(ctx, r.queues, queue).Err()
}
