package analytics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
)

// DefaultKeepDays is how many days the counts of single days are kept by analytics.expire.
const DefaultKeepDays = 90

// givenFor is how long it is remembered what each day has given to its month.
const givenFor = 2 * MaxDays * 24 * time.Hour

// Rollup is the job analytics.rollup: it brings the days of a month into the month's totals.
type Rollup struct {
	Month string `json:"month,omitempty"` // YYYY-MM; "" for the month of the moment it is enqueued, and the one before
}

// Kind returns "analytics.rollup".
func (Rollup) Kind() string { return "analytics.rollup" }

// Expire is the job analytics.expire: it lets the counts of single days go when they are old, and brings them into
// their months before.
type Expire struct {
	KeepDays int `json:"keep_days,omitempty"` // after the end of the day, 1 to 400; defaults to DefaultKeepDays
}

// Kind returns "analytics.expire".
func (Expire) Kind() string { return "analytics.expire" }

func (c *Counter) rollup(ctx context.Context, job *queue.Job[Rollup]) error {
	at := c.civil(job.EnqueuedAt)
	months := []time.Time{at.AddDate(0, 0, -at.Day()), at}
	if job.Args.Month != "" {
		named, err := time.Parse(month, job.Args.Month)
		if err != nil {
			return queue.Cancel(fmt.Errorf("analytics: %w: month %q: want for example 2025-11", ErrInvalid, job.Args.Month))
		}
		months = []time.Time{named}
	}
	for _, m := range months {
		if err := c.rollUp(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (c *Counter) expire(ctx context.Context, job *queue.Job[Expire]) error {
	keep := job.Args.KeepDays
	if keep == 0 {
		keep = DefaultKeepDays
	}
	err := c.Expire(ctx, job.EnqueuedAt, keep)
	if errors.Is(err, ErrInvalid) {
		return queue.Cancel(err)
	}
	return err
}

// Rollup brings the days of t's month into the month's totals and its estimate of users, see [Counter.Month].
// It may be called as often as one likes: each day's counts are added once, those that came since the last call too,
// and a day that is gone keeps what it gave.
func (c *Counter) Rollup(ctx context.Context, t time.Time) error { return c.rollUp(ctx, c.civil(t)) }

// rollUp does so for the month of a civil day.
func (c *Counter) rollUp(ctx context.Context, day time.Time) error {
	first := day.AddDate(0, 0, 1-day.Day())
	days, err := civilDays(first, first.AddDate(0, 1, -1))
	if err != nil {
		return err
	}
	of := period(first.Format(month))
	stats, err := c.read(ctx, days)
	if err != nil {
		return err
	}
	var estimated []period
	for i, day := range days {
		if stats[i].EstimatedUsers > 0 {
			estimated = append(estimated, day)
		}
		if err := c.raise(ctx, of, day, stats[i].Events); err != nil {
			return fmt.Errorf("analytics: roll %s up into %s: %w", day, of, err)
		}
	}
	if len(estimated) == 0 {
		return nil
	}
	if err := c.rdb.PFMerge(ctx, of.estimate(), estimates(estimated)...).Err(); err != nil {
		return fmt.Errorf("analytics: roll users up into %s: %w", of, err)
	}
	return nil
}

// raise adds what is new of a day to its month, some events at a time.
//
// Why: docs/decisions/features.md#a-month-knows-what-each-day-has-given
func (c *Counter) raise(ctx context.Context, of, day period, events map[string]int64) error {
	const atOnce = 500
	pairs := make([]any, 0, 2*len(events))
	for event, n := range events {
		pairs = append(pairs, event, n)
	}
	for chunk := range slices.Chunk(pairs, 2*atOnce) {
		args := append([]any{string(day), givenFor.Milliseconds(), MaxNames, OtherEvents}, chunk...)
		if err := raiseScript.Run(ctx, c.rdb, []string{of.events(), of.days()}, args...).Err(); err != nil {
			return err
		}
	}
	return nil
}

// Expire gives the counts and users of single days a lifetime: keepDays after the day's end, 1 to [MaxDays]. It looks
// at the days that are kept and at [MaxDays] before them, whose months it rolls up first.
func (c *Counter) Expire(ctx context.Context, now time.Time, keepDays int) error {
	if keepDays < 1 || keepDays > MaxDays {
		return fmt.Errorf("analytics: %w: keep %d days: want 1 to %d", ErrInvalid, keepDays, MaxDays)
	}
	today := c.civil(now)
	kept := today.AddDate(0, 0, -keepDays) // the first day that is
	oldest := kept.AddDate(0, 0, -MaxDays)
	for m := oldest; m.Before(kept); m = time.Date(m.Year(), m.Month()+1, 1, 0, 0, 0, 0, time.UTC) {
		if err := c.rollUp(ctx, m); err != nil {
			return err
		}
	}
	_, err := c.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for day := oldest; !day.After(today); day = day.AddDate(0, 0, 1) {
			of := period(day.Format(time.DateOnly))
			end := time.Date(day.Year(), day.Month(), day.Day()+1+keepDays, 0, 0, 0, 0, c.cfg.Zone)
			for _, key := range []string{of.events(), of.users(), of.estimate()} {
				pipe.PExpireAt(ctx, key, end)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("analytics: expire days before %s: %w", kept.Format(time.DateOnly), err)
	}
	return nil
}
