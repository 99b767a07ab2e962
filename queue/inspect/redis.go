package inspect

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
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

// isPending tells whether an entry is in flight.
func (i *Inspector) isPending(ctx context.Context, p place, entry string) (bool, error) {
	rows, err := i.rdb.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: p.keys.Stream, Group: p.GroupName(), Start: entry, End: entry, Count: 1,
	}).Result()
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	return len(rows) == 1, ignoreNoGroup(err)
}

// verdictOf reads a script's verdict: 1 or more done, 0 not found, -1 its worker lives.
func verdictOf(cmd *redis.Cmd) error {
	switch n, err := cmd.Int(); {
	case err != nil:
		return err
	case n == 0:
		return ErrNotFound
	case n < 0:
		return ErrHeld
	}
	return nil
}
