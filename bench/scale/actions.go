package main

import (
	"context"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

// deed is an action on many jobs.
type deed struct {
	action inspect.Action
	state  inspect.State
	filter string
}

// done is what came of a deed.
type done struct {
	deed
	tally inspect.BulkResult
	took  time.Duration
	redis float64 // share of one CPU of Redis
}

// actions does to many jobs what an operator would, with the library that the monitor uses.
func (t *trial) actions(ctx context.Context) error {
	return t.watching(ctx, "actions", func() error {
		var all []done
		for _, d := range []deed{
			{inspect.ActionRequeue, inspect.StateDead, "error:refused"},
			{inspect.ActionCancel, inspect.StateDelayed, "kind:payment.charge"},
			{inspect.ActionDelete, inspect.StateRetrying, ""},
		} {
			seen, err := t.act(ctx, d)
			if err != nil {
				return err
			}
			all = append(all, seen)
		}
		t.report.done(all)
		return nil
	})
}

func (t *trial) act(ctx context.Context, d deed) (done, error) {
	inspector, err := inspect.New(t.rdb, inspect.Config{})
	if err != nil {
		return done{}, err
	}
	query, err := inspect.ParseQuery(d.filter)
	if err != nil {
		return done{}, err
	}
	query.State = d.state
	before, err := t.count(ctx, inspector, d.state)
	if err != nil {
		return done{}, err
	}
	cpu, err := t.probe.cpu(ctx)
	if err != nil {
		return done{}, err
	}
	began, told := time.Now(), inspect.BulkResult{}
	tally, err := inspector.Act(ctx, t.big.queue, query, d.action, func(now inspect.BulkResult) {
		if now.Looked < told.Looked || now.Done < told.Done {
			t.report.miss("%s: progress went back from %d to %d", d.action, told.Done, now.Done)
		}
		told = now
	})
	if err != nil {
		return done{}, err
	}
	result := done{deed: d, tally: tally, took: time.Since(began)}
	used, err := t.probe.cpu(ctx)
	if err != nil {
		return done{}, err
	}
	result.redis = float64(used-cpu) / float64(result.took)
	after, err := t.count(ctx, inspector, d.state)
	if err == nil && (before-after != tally.Done || told != tally || tally.Done == 0) {
		t.report.miss("%s: %d jobs left, %d were acted on, %d were told", d.action, before-after, tally.Done, told.Done)
	}
	return result, err
}

func (t *trial) count(ctx context.Context, inspector *inspect.Inspector, state inspect.State) (int64, error) {
	counted, err := inspector.CountMatching(ctx, t.big.queue, inspect.Query{State: state}, 0)
	return counted.Total, err
}

func (r *report) done(all []done) {
	r.table("action\tdone\tof\ts\tper s\tRedis CPU %\t", func(row func(...any)) {
		for _, d := range all {
			row(fmt.Sprintf("%s %s %s", d.action, d.state, d.filter), d.tally.Done, d.tally.Total,
				fmt.Sprintf("%.1f", d.took.Seconds()),
				fmt.Sprintf("%.0f", float64(d.tally.Done)/d.took.Seconds()), fmt.Sprintf("%.0f", d.redis*100))
		}
	})
}
