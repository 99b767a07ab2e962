package analytics

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// usersAtOnce bounds what Redis does in one go for a look at users one by one.
const usersAtOnce = 1000

// UniqueUsers returns how many different users were seen on the days of from to to, both included: exactly, by reading
// each day's set. The days lie in different slots of a cluster, so no server can count them. With more than [MaxUsers]
// it is [ErrTooMany]; see [Counter.Range] for an estimate.
func (c *Counter) UniqueUsers(ctx context.Context, from, to time.Time) (int64, error) {
	days, err := c.daysBetween(from, to)
	if err != nil {
		return 0, err
	}
	seen := map[string]bool{}
	for _, day := range days {
		if err := c.eachUser(ctx, day, seen, func([]string) error { return nil }); err != nil {
			return 0, fmt.Errorf("analytics: users of %s: %w", day, err)
		}
	}
	return int64(len(seen)), nil
}

// Retention returns how many of the users seen on the cohort's day were seen again: the first number is the cohort, the
// n-th after it how many of them came n days later. There are days numbers after the first, [MaxDays] at the most. It
// costs one look at each user of the cohort for each day; with more than [MaxUsers] it is [ErrTooMany].
func (c *Counter) Retention(ctx context.Context, cohort time.Time, days int) ([]int64, error) {
	if days < 1 {
		return nil, fmt.Errorf("analytics: %w: retention over %d days: want 1 to %d", ErrInvalid, days, MaxDays-1)
	}
	first := c.civil(cohort)
	all, err := civilDays(first, first.AddDate(0, 0, days))
	if err != nil {
		return nil, err
	}
	retained := make([]int64, len(all))
	err = c.eachUser(ctx, all[0], map[string]bool{}, func(users []string) error {
		retained[0] += int64(len(users))
		return c.countSeen(ctx, all, users, retained)
	})
	if err != nil {
		return nil, fmt.Errorf("analytics: retention of %s: %w", all[0], err)
	}
	return retained, nil
}

// countSeen counts on which of the days after the first users were seen.
func (c *Counter) countSeen(ctx context.Context, days []period, users []string, seen []int64) error {
	members := make([]any, len(users))
	for i, user := range users {
		members[i] = user
	}
	replies := make([]*redis.BoolSliceCmd, len(days))
	_, err := c.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, day := range days[1:] {
			replies[i+1] = pipe.SMIsMember(ctx, day.users(), members...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range days[1:] {
		for _, was := range replies[i+1].Val() {
			if was {
				seen[i+1]++
			}
		}
	}
	return nil
}

// eachUser visits the users of a day that were not seen before, some hundreds at a time.
func (c *Counter) eachUser(
	ctx context.Context, day period, seen map[string]bool, visit func(users []string) error,
) error {
	for cursor := uint64(0); ; {
		page, next, err := c.rdb.SScan(ctx, day.users(), cursor, "", usersAtOnce).Result()
		if err != nil {
			return err
		}
		fresh := page[:0]
		for _, user := range page {
			if !seen[user] {
				seen[user] = true
				fresh = append(fresh, user)
			}
		}
		if len(seen) > MaxUsers {
			return fmt.Errorf("%w: more than %d", ErrTooMany, MaxUsers)
		}
		if len(fresh) > 0 {
			if err := visit(fresh); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
