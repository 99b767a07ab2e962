package analytics

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Funnel returns how many users did the first of the steps on the day of t, how many of them did then the second, and
// so on: 2 to [MaxSteps] different steps, each one of [Config.Steps]. A user has come to a step who did it, for the
// first time that day, no earlier than the step before. With more than [MaxUsers] on the first step it is [ErrTooMany].
func (c *Counter) Funnel(ctx context.Context, t time.Time, steps ...string) ([]int64, error) {
	if err := c.checkSteps(steps); err != nil {
		return nil, err
	}
	day, reached := c.dayOf(t), make([]int64, len(steps))
	for from := int64(0); ; from += usersAtOnce {
		if from >= MaxUsers {
			return nil, fmt.Errorf("analytics: funnel of %s: %w: more than %d", day, ErrTooMany, MaxUsers)
		}
		users, err := c.rdb.ZRangeWithScores(ctx, day.firsts(steps[0]), from, from+usersAtOnce-1).Result()
		if err == nil && len(users) > 0 {
			reached[0] += int64(len(users))
			err = c.follow(ctx, day, steps, users, reached)
		}
		if err != nil {
			return nil, fmt.Errorf("analytics: funnel of %s: %w", day, err)
		}
		if len(users) < usersAtOnce {
			return reached, nil
		}
	}
}

func (c *Counter) checkSteps(steps []string) error {
	if len(steps) < 2 || len(steps) > MaxSteps {
		return fmt.Errorf("analytics: %w: a funnel of %d steps: want 2 to %d", ErrInvalid, len(steps), MaxSteps)
	}
	for i, step := range steps {
		if !c.steps[step] {
			return fmt.Errorf("analytics: %w: %q is not one of the counter's steps: nothing is kept of it", ErrInvalid, step)
		}
		if slices.Contains(steps[:i], step) {
			return fmt.Errorf("analytics: %w: %q is twice in the funnel", ErrInvalid, step)
		}
	}
	return nil
}

// follow counts how far users came who did the first step.
//
// Why: docs/decisions/features.md#a-funnel-uses-first-times
func (c *Counter) follow(ctx context.Context, day period, steps []string, users []redis.Z, reached []int64) error {
	members, last := make([]string, len(users)), make([]float64, len(users))
	for i, user := range users {
		members[i], _ = user.Member.(string)
		last[i] = user.Score
	}
	times := make([]*redis.FloatSliceCmd, len(steps))
	_, err := c.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, step := range steps[1:] {
			times[i+1] = pipe.ZMScore(ctx, day.firsts(step), members...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for user := range users {
		for step := 1; step < len(steps); step++ {
			at := times[step].Val()[user]
			if at == 0 || at < last[user] { // 0: never
				break
			}
			reached[step]++
			last[user] = at
		}
	}
	return nil
}
