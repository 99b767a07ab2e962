package inspect

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// execute runs a pipeline in which a missing key or field is an answer.
func execute(ctx context.Context, pipe redis.Pipeliner) error {
	if pipe.Len() == 0 {
		return nil
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	return nil
}

func ignoreNoGroup(err error) error {
	if redis.HasErrorPrefix(err, "NOGROUP") {
		return nil
	}
	return err
}

// isPending reports whether an entry is in flight.
func (i *Inspector) isPending(ctx context.Context, q *wire.QueueRef, entry string) (bool, error) {
	ref := wire.ParseEntryRef(entry)
	in := q.In(ref.Lane)
	rows, err := i.rdb.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: in.Stream, Group: in.Group, Start: ref.ID, End: ref.ID, Count: 1,
	}).Result()
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	return len(rows) == 1, ignoreNoGroup(err)
}

// isNoKey reports whether a command that needs a key, such as XINFO, found none.
func isNoKey(err error) bool {
	return redis.HasErrorPrefix(err, "ERR no such key") || redis.HasErrorPrefix(err, "no such key")
}
