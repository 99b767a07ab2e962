package wire

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// UnknownStale is how long after it was noted last that jobs of a kind wait none may be waiting any more.
	UnknownStale = 2 * time.Minute

	// UnknownKindsMost is how many kinds are noted: a producer may invent any number.
	UnknownKindsMost = 100
)

var scriptUnknown = load("unknown")

// NoteUnknownKind notes that jobs of a kind wait for a worker that has a handler.
func NoteUnknownKind(ctx context.Context, rdb redis.Scripter, q *QueueRef, kind string) error {
	return scriptUnknown.Run(ctx, rdb, []string{q.UnknownKinds()},
		kind, UnknownStale.Milliseconds(), UnknownKindsMost).Err()
}
