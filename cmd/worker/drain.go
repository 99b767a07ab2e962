package main

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/navvy-go/navvy/queue/inspect"
)

const (
	lookInterval = 500 * time.Millisecond
	emptyLooks   = 2 // in a row: between two queues a job may be in neither for a moment
	tellInterval = time.Minute
)

// drain watches queues until nothing in them is left to do.
type drain struct {
	inspector *inspect.Inspector
	queues    []string
	log       zerolog.Logger
	told      map[string]time.Time // when a paused queue was last spoken of
}

// wait returns when every queue was empty at two looks in a row, or when ctx ends.
func (d *drain) wait(ctx context.Context) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for empty := 0; empty < emptyLooks; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		done, err := d.empty(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			d.log.Warn().Err(err).Msg("cannot tell whether the queues are empty; still looking")
			empty = 0
		case done:
			empty++
		default:
			empty = 0
		}
	}
}

func (d *drain) empty(ctx context.Context) (bool, error) {
	for _, name := range d.queues {
		info, err := d.inspector.Queue(ctx, name)
		if err != nil {
			return false, err
		}
		d.tellPaused(info)
		if info.Waiting > 0 || info.InFlight > 0 || info.Retrying > 0 {
			return false, nil
		}
		due, err := d.due(ctx, info)
		if err != nil || due {
			return false, err
		}
	}
	return true, nil
}

// tellPaused says why nothing happens, once a minute: a paused queue is not emptied before a person resumes it.
func (d *drain) tellPaused(info inspect.QueueInfo) {
	if info.Paused == nil || time.Since(d.told[info.Name]) < tellInterval {
		return
	}
	if d.told == nil {
		d.told = map[string]time.Time{}
	}
	d.told[info.Name] = time.Now()
	d.log.Warn().Str("queue", info.Name).Str("by", info.Paused.By).Time("since", info.Paused.At).
		Int64("waiting", info.Waiting).Msg("the queue is paused; resume it with: monitor resume " + info.Name)
}

// due tells whether a delayed job is due and only not promoted yet. The first of the list is the next one due.
func (d *drain) due(ctx context.Context, info inspect.QueueInfo) (bool, error) {
	if info.Delayed == 0 {
		return false, nil
	}
	page, err := d.inspector.Delayed(ctx, info.Name, inspect.Page{Limit: 1})
	if err != nil || len(page.Jobs) == 0 {
		return false, err
	}
	due := page.Jobs[0].Due
	return due == nil || !due.After(time.Now()), nil
}
