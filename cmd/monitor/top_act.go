package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue/inspect"
)

// order is something that the screen wants done. Its last message ends it: told, or counted.
type order struct {
	name string
	do   func(ctx context.Context, o operator, tell func(progress string)) tea.Msg
}

// underway is how far an order is.
type underway string

// told is how an order ended.
type told struct {
	text string
	err  error
}

// noted adds that what was done is not in the audit trail, if err says so.
func (t told) noted(err error) told {
	switch {
	case err == nil:
	case t.err != nil:
		t.err = fmt.Errorf("%w; %w", t.err, err)
	default:
		t.text += "; " + err.Error()
	}
	return t
}

// counted is how many jobs an action on all that match would meet.
type counted struct {
	action action
	of     sight
	query  inspect.Query
	count  inspect.Count
}

// topHands does what the screen orders, one order at a time, so that the screen never waits.
type topHands struct {
	operator operator
	orders   chan order
}

func newTopHands(o operator) *topHands {
	return &topHands{operator: o, orders: make(chan order, 1)}
}

// take accepts an order unless another one is still waiting.
func (h *topHands) take(o order) bool {
	select {
	case h.orders <- o:
		return true
	default:
		return false
	}
}

// run works until ctx ends, which stops an action on many between two of its batches.
func (h *topHands) run(ctx context.Context, send func(tea.Msg)) {
	for {
		select {
		case <-ctx.Done():
			return
		case ordered := <-h.orders:
			send(ordered.do(ctx, h.operator, func(progress string) { send(underway(progress)) }))
		}
	}
}

// pauseOrder pauses a queue, or lets it go on.
func pauseOrder(info inspect.QueueInfo) order {
	name, done, act := "pause", "paused", (*inspect.Inspector).Pause
	if info.Paused != nil {
		name, done, act = "resume", "resumed", (*inspect.Inspector).Resume
	}
	return order{name + " " + info.Name, func(ctx context.Context, o operator, _ func(string)) tea.Msg {
		if err := act(o.inspector, ctx, info.Name); err != nil {
			return told{err: err}
		}
		return told{text: info.Name + ": " + done}.noted(o.note(ctx, "queue."+name, info.Name, ""))
	}}
}

// tellOrder gives an order to a process, on each of its queues.
func tellOrder(process []inspect.WorkerInfo, what inspect.WorkerCommand) order {
	name := workerName(process[0])
	return order{string(what) + " " + name, func(ctx context.Context, o operator, _ func(string)) tea.Msg {
		heard, unnoted, err := o.tell(ctx, process, what)
		if err == nil && len(heard) == 0 {
			err = fmt.Errorf("%s has gone", name)
		}
		if err != nil {
			return told{err: err}
		}
		return told{text: name + ": told to " + orderText(what)}.noted(unnoted)
	}}
}

// jobOrder does an action to one job.
func jobOrder(a action, name, id string) order {
	return order{a.name + " " + id, func(ctx context.Context, o operator, _ func(string)) tea.Msg {
		err := a.one(o.inspector, ctx, name, id)
		if errors.Is(err, inspect.ErrNotFound) {
			err = fmt.Errorf("%s has moved on", id)
		}
		if err != nil {
			return told{err: err}
		}
		return told{text: id + ": " + a.done}.noted(o.noteJob(ctx, a.does, name, id))
	}}
}

// countOrder counts what [actOrder] would act on.
func countOrder(a action, s sight) order {
	return order{"count", func(ctx context.Context, o operator, _ func(string)) tea.Msg {
		query, err := s.parsed()
		if err != nil {
			return told{err: err}
		}
		count, err := o.inspector.CountMatching(ctx, s.queue, query, 0)
		if err != nil {
			return told{err: err}
		}
		return counted{action: a, of: s, query: query, count: count}
	}}
}

// actOrder does an action to all jobs that were counted, and to those that have come to match since.
func actOrder(c counted) order {
	return order{c.action.name + " all", func(ctx context.Context, o operator, tell func(string)) tea.Msg {
		unnoted := o.noteJobs(ctx, c.action.does, c.of.queue, c.query.State, c.of.query, c.count)
		tally, err := o.inspector.Act(ctx, c.of.queue, c.query, c.action.does, func(t inspect.BulkResult) {
			tell(fmt.Sprintf("%d of %d looked at, %d %s", t.Looked, t.Total, t.Done, c.action.done))
		})
		text := fmt.Sprintf("%d %s", tally.Done, c.action.done)
		if tally.Gone > 0 {
			text += fmt.Sprintf(", %d had moved on", tally.Gone)
		}
		if tally.Held > 0 {
			text += fmt.Sprintf(", %d were left to their workers, which live", tally.Held)
		}
		return told{text: text, err: err}.noted(unnoted)
	}}
}

// question asks before an action on many.
func (c counted) question() string {
	about, which := "", ""
	if c.count.Truncated {
		about = "at least "
	}
	if c.of.query != "" {
		which = " that match " + command.Printable(c.of.query)
	}
	return fmt.Sprintf("%s%d %s jobs of %s%s: type %s to %s them",
		about, c.count.Matched, strings.ReplaceAll(string(c.query.State), "_", " "), c.of.queue, which, c.action.name, c.action.name)
}

// actionNamed finds one of the commands' actions.
func actionNamed(name string) action {
	for _, a := range actions {
		if a.name == name {
			return a
		}
	}
	return action{}
}
