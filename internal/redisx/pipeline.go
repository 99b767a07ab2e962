package redisx

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"
)

// Execute sends a pipeline, if there is anything in it, and returns the first error that is no answer. A missing key or
// field is an answer, and so are errors with one of the prefixes, such as WRONGTYPE where a key may be another
// program's: they fail their own command alone.
func Execute(ctx context.Context, pipe redis.Pipeliner, answers ...string) error {
	if pipe.Len() == 0 {
		return nil
	}
	commands, err := pipe.Exec(ctx)
	if err == nil {
		return nil
	}
	for _, command := range commands {
		if err := command.Err(); err != nil && !isAnswer(err, answers) {
			return err
		}
	}
	if isAnswer(err, answers) {
		return nil
	}
	return err
}

func isAnswer(err error, answers []string) bool {
	return errors.Is(err, redis.Nil) ||
		slices.ContainsFunc(answers, func(prefix string) bool { return redis.HasErrorPrefix(err, prefix) })
}
