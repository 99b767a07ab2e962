package analytics

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
)

// countable is an event and what keeps it from being counted twice.
type countable struct {
	mark  string
	run   *queue.Run // nil if the mark must stay
	event Track
}

// dayBatch is what a batch of events adds to one day.
type dayBatch struct {
	day     period
	members []int // of the batch, by their place in it
	marks   []any
	events  []any
	users   map[string]bool
	firsts  map[string]map[string]float64 // step, user, ms
	forget  []guard
}

// countBatch counts events, with one round trip and a handful of commands for each of their days, and returns the
// outcome of each. To send it again does no harm, whatever part of it was done before: the counts have their marks, and
// the rest adds to sets or lowers first times.
func (c *Counter) countBatch(ctx context.Context, batch []countable) []error {
	outcomes := make([]error, len(batch))
	days := map[period]*dayBatch{}
	for i, item := range batch {
		if err := item.event.check(); err != nil {
			outcomes[i] = fmt.Errorf("analytics: %w", err)
			continue
		}
		day := c.placeOf(item.event.At)
		if days[day] == nil {
			days[day] = &dayBatch{day: day, users: map[string]bool{}, firsts: map[string]map[string]float64{}}
		}
		days[day].add(i, item, c.steps)
	}
	for _, d := range days {
		d.forget = c.marks.spent(d.day)
	}
	for day, err := range c.sendDays(ctx, days) {
		d := days[day]
		if err != nil {
			c.marks.giveBack(day, d.forget)
			for _, i := range d.members {
				outcomes[i] = fmt.Errorf("analytics: count %d events of %s: %w", len(d.members), day, err)
			}
			continue
		}
		c.marks.keep(day, batch, d.members)
	}
	return outcomes
}

func (d *dayBatch) add(place int, item countable, steps map[string]bool) {
	d.members = append(d.members, place)
	event := item.event
	if !event.Counted {
		d.marks, d.events = append(d.marks, item.mark), append(d.events, event.Event)
	}
	if event.UserID == "" || d.day == farAway {
		return
	}
	d.users[event.UserID] = true
	if !steps[event.Event] {
		return
	}
	at := float64(event.At.UnixMilli())
	if d.firsts[event.Event] == nil {
		d.firsts[event.Event] = map[string]float64{}
	}
	if first, ok := d.firsts[event.Event][event.UserID]; !ok || at < first {
		d.firsts[event.Event][event.UserID] = at
	}
}

// sendDays sends every day's commands, and once more where Redis has forgotten the script.
func (c *Counter) sendDays(ctx context.Context, days map[period]*dayBatch) map[period]error {
	results := c.sendOnce(ctx, days)
	again := map[period]*dayBatch{}
	for day, err := range results {
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			again[day] = days[day]
		}
	}
	if len(again) == 0 {
		return results
	}
	if err := countScript.Load(ctx, c.rdb).Err(); err != nil {
		return results
	}
	for day, err := range c.sendOnce(ctx, again) {
		results[day] = err
	}
	return results
}

func (c *Counter) sendOnce(ctx context.Context, days map[period]*dayBatch) map[period]error {
	pipe := c.rdb.Pipeline()
	sent := make(map[period][]redis.Cmder, len(days))
	for day, d := range days {
		sent[day] = c.commands(ctx, pipe, d)
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	results := make(map[period]error, len(days))
	for day, cmds := range sent {
		results[day] = nil
		for _, cmd := range cmds {
			if cmd.Err() != nil && results[day] == nil {
				results[day] = cmd.Err()
			}
		}
	}
	return results
}

// commands adds one day's commands to a pipeline.
func (c *Counter) commands(ctx context.Context, pipe redis.Pipeliner, d *dayBatch) (cmds []redis.Cmder) {
	if len(d.marks)+len(d.forget) > 0 {
		args := make([]any, 0, 5+2*len(d.marks)+len(d.forget))
		args = append(args, CountedFor.Milliseconds(), d.day.lifetime().Milliseconds(), MaxNames, OtherEvents, len(d.marks))
		args = append(append(args, d.marks...), d.events...)
		for _, g := range d.forget {
			args = append(args, g.mark)
		}
		cmds = append(cmds, countScript.EvalSha(ctx, pipe, []string{d.day.events(), d.day.counted()}, args...))
	}
	if len(d.users) > 0 {
		users := make([]any, 0, len(d.users))
		for user := range d.users {
			users = append(users, user)
		}
		if !c.cfg.EstimateOnly {
			cmds = append(cmds, pipe.SAdd(ctx, d.day.users(), users...))
		}
		cmds = append(cmds, pipe.PFAdd(ctx, d.day.estimate(), users...))
	}
	for step, users := range d.firsts {
		key, members := d.day.firsts(step), make([]redis.Z, 0, len(users))
		for user, at := range users {
			members = append(members, redis.Z{Score: at, Member: user})
		}
		cmds = append(cmds, pipe.ZAddLT(ctx, key, members...), pipe.PExpire(ctx, key, FirstsFor))
	}
	return cmds
}
