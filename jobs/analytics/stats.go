package analytics

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Stats is what was counted on one day, or in one month.
type Stats struct {
	Date           string           `json:"date"` // YYYY-MM-DD, YYYY-MM, or "far"
	TotalEvents    int64            `json:"total_events"`
	UniqueUsers    int64            `json:"unique_users"`    // exact; 0 of a month, and with EstimateOnly
	EstimatedUsers int64            `json:"estimated_users"` // by HyperLogLog, standard error 0.81 %
	Events         map[string]int64 `json:"events"`
}

// Stats returns what was counted on the day of t: the article's get_daily_stats. It reads one field for each name of an
// event.
func (c *Counter) Stats(ctx context.Context, t time.Time) (Stats, error) {
	stats, err := c.read(ctx, []period{c.dayOf(t)})
	if err != nil {
		return Stats{}, err
	}
	return stats[0], nil
}

// Far returns what was counted of events that were too far from now when they were counted, more than [MaxDays] ago or
// more than [MaxAhead] to come: with a clock that is wrong, or a timestamp that is none. Their users are not known.
func (c *Counter) Far(ctx context.Context) (Stats, error) {
	stats, err := c.read(ctx, []period{farAway})
	if err != nil {
		return Stats{}, err
	}
	return stats[0], nil
}

// Month returns what [Counter.Rollup] has brought into the month of t.
func (c *Counter) Month(ctx context.Context, t time.Time) (Stats, error) {
	stats, err := c.read(ctx, []period{c.monthOf(t)})
	if err != nil {
		return Stats{}, err
	}
	return stats[0], nil
}

// Range is what was counted from one day to another.
type Range struct {
	From           string           `json:"from"`
	To             string           `json:"to"` // included
	TotalEvents    int64            `json:"total_events"`
	EstimatedUsers int64            `json:"estimated_users"` // different users of all days together, by HyperLogLog
	Events         map[string]int64 `json:"events"`
	Days           []Stats          `json:"days"`
}

// Range returns what was counted on the days of from to to, both included, [MaxDays] at the most, in two round trips.
func (c *Counter) Range(ctx context.Context, from, to time.Time) (Range, error) {
	days, err := c.daysBetween(from, to)
	if err != nil {
		return Range{}, err
	}
	r := Range{From: string(days[0]), To: string(days[len(days)-1]), Events: map[string]int64{}}
	if r.Days, err = c.read(ctx, days); err != nil {
		return Range{}, err
	}
	for _, day := range r.Days {
		r.TotalEvents += day.TotalEvents
		for event, n := range day.Events {
			r.Events[event] += n
		}
	}
	if r.EstimatedUsers, err = c.rdb.PFCount(ctx, estimates(days)...).Result(); err != nil {
		return Range{}, fmt.Errorf("analytics: users from %s to %s: %w", r.From, r.To, err)
	}
	return r, nil
}

func estimates(periods []period) []string {
	keys := make([]string, len(periods))
	for i, p := range periods {
		keys[i] = p.estimate()
	}
	return keys
}

// read reads the stats of periods in one round trip.
func (c *Counter) read(ctx context.Context, periods []period) ([]Stats, error) {
	type replies struct {
		events       *redis.MapStringStringCmd
		users, guess *redis.IntCmd
	}
	all := make([]replies, len(periods))
	_, err := c.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, p := range periods {
			all[i] = replies{pipe.HGetAll(ctx, p.events()), pipe.SCard(ctx, p.users()), pipe.PFCount(ctx, p.estimate())}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("analytics: stats of %s: %w", periods[0], err)
	}
	stats := make([]Stats, len(periods))
	for i, p := range periods {
		stats[i] = Stats{
			Date: string(p), UniqueUsers: all[i].users.Val(), EstimatedUsers: all[i].guess.Val(), Events: map[string]int64{},
		}
		for event, count := range all[i].events.Val() {
			n, err := strconv.ParseInt(count, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("analytics: stats of %s: %s: %w", p, event, err)
			}
			stats[i].Events[event] = n
			stats[i].TotalEvents += n
		}
	}
	return stats, nil
}
