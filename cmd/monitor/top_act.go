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

// request is something that the screen wants done. Its last message ends it: an outcome, or counted.
type request struct {
	name string
	do   func(ctx context.Context, o operator, report func(progress string)) tea.Msg
}

// progressReport says how much of a request is done.
type progressReport string

// outcome is how a request ended.
type outcome struct {
	text string
	err  error
}

// noted adds that what was done is not in the audit trail, if err says so.
func (o outcome) noted(err error) outcome {
	switch {
	case err == nil:
	case o.err != nil:
		o.err = fmt.Errorf("%w; %w", o.err, err)
	default:
		o.text += "; " + err.Error()
	}
	return o
}

// waits adds why what was to run does not start.
func (o outcome) waits(obstacle string, err error) outcome {
	if err == nil && obstacle != "" {
		o.text += "; " + obstacle
	}
	return o
}

// counted is how many jobs an action on all that match would meet.
type counted struct {
	action action
	of     scope
	query  inspect.Query
	count  inspect.Count
}

// executor does what the screen requests, one thing at a time, so that the screen never waits.
type executor struct {
	operator operator
	requests chan request
}

func newExecutor(o operator) *executor {
	return &executor{operator: o, requests: make(chan request, 1)}
}

// accept takes a request unless another one still waits.
func (e *executor) accept(r request) bool {
	select {
	case e.requests <- r:
		return true
	default:
		return false
	}
}

// run works until ctx ends, which stops an action on many between two of its batches.
func (e *executor) run(ctx context.Context, send func(tea.Msg)) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-e.requests:
			send(r.do(ctx, e.operator, func(progress string) { send(progressReport(progress)) }))
		}
	}
}

// pauseRequest pauses a queue, or lets it go on.
func pauseRequest(info inspect.QueueInfo) request {
	name, done, act := "pause", "paused", (*inspect.Inspector).Pause
	if info.Paused != nil {
		name, done, act = "resume", "resumed", (*inspect.Inspector).Resume
	}
	return request{name + " " + info.Name, func(ctx context.Context, o operator, _ func(string)) tea.Msg {
		if err := act(o.inspector, ctx, info.Name); err != nil {
			return outcome{err: err}
		}
		return outcome{text: info.Name + ": " + done}.noted(o.note(ctx, "queue."+name, info.Name, ""))
	}}
}

// commandRequest sends a command to a process, by each of its queues.
func commandRequest(process []inspect.WorkerInfo, cmd inspect.WorkerCommand) request {
	name := process[0].Process
	return request{string(cmd) + " " + name, func(ctx context.Context, o operator, _ func(string)) tea.Msg {
		sent, unnoted, err := o.commandWorkers(ctx, process, cmd)
		if err == nil && len(sent) == 0 {
			err = fmt.Errorf("%s has gone", name)
		}
		if err != nil {
			return outcome{err: err}
		}
		return outcome{text: name + ": command " + string(cmd) + " sent"}.noted(unnoted)
	}}
}

// jobRequest does an action to one job.
func jobRequest(a action, name, id string) request {
	return request{a.name + " " + id, func(ctx context.Context, o operator, _ func(string)) tea.Msg {
		err := o.inspector.Do(ctx, name, id, a.does)
		if errors.Is(err, inspect.ErrNotFound) {
			err = fmt.Errorf("%s has moved on", id)
		}
		if err != nil {
			return outcome{err: err}
		}
		return outcome{text: id + ": " + a.done}.noted(o.noteJob(ctx, a.does, name, id)).waits(a.obstacle(ctx, o, name))
	}}
}

// countRequest counts what [actRequest] would act on.
func countRequest(a action, s scope) request {
	return request{"count", func(ctx context.Context, o operator, _ func(string)) tea.Msg {
		query, err := s.parsed()
		if err != nil {
			return outcome{err: err}
		}
		count, err := o.inspector.CountMatching(ctx, s.queue, query, 0)
		if err != nil {
			return outcome{err: err}
		}
		return counted{action: a, of: s, query: query, count: count}
	}}
}

// actRequest does an action to all jobs that were counted, and to those that have come to match since.
func actRequest(c counted) request {
	return request{c.action.name + " all", func(ctx context.Context, o operator, report func(string)) tea.Msg {
		unnoted := o.noteJobs(ctx, c.action.does, c.of.queue, c.query.State, c.of.query, c.count)
		done, err := o.inspector.Act(ctx, c.of.queue, c.query, c.action.does, func(t inspect.BulkResult) {
			report(fmt.Sprintf("%d of %d looked at, %d %s", t.Looked, t.Total, t.Done, c.action.done))
		})
		text := fmt.Sprintf("%d %s", done.Done, c.action.done)
		if done.Gone > 0 {
			text += fmt.Sprintf(", %d had moved on", done.Gone)
		}
		if done.Held > 0 {
			text += fmt.Sprintf(", %d were left to their live workers", done.Held)
		}
		return outcome{text: text, err: err}.noted(unnoted).waits(c.action.obstacle(ctx, o, c.of.queue))
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
		about, c.count.Matched, strings.ReplaceAll(string(c.query.State), "_", " "), c.of.queue, which,
		c.action.name, c.action.name)
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
