package main

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

// A person's orders change what the judge allows and what it asks for:
//
//   - A job may be dead as cancelled by a person if somebody has ordered that, and not otherwise.
//   - Once an order to cancel or to bury was accepted, the job does not start any more: a worker that holds it is
//     notified of the order, or its lease is over. A job that was buried is dead.
//   - A job that was requeued begins anew, with its first attempt, whatever became of the runs before.
//   - A job that was run now may start before it is due.
//   - While a queue is paused nothing of it starts.
//
// Each but the first ends with the next requeue.

// orderLog is what the operator has ordered, in the order of time.
type orderLog struct {
	jobs   map[string][]line // by job ID
	queues map[string][]line // by queue: what was ordered for all that match, and its pauses

	stopped map[string]bool // processes that may have got an order to stop
}

func newOrderLog() *orderLog {
	return &orderLog{jobs: map[string][]line{}, queues: map[string][]line{}, stopped: map[string]bool{}}
}

func (o *orderLog) add(l *line) {
	if l.Code == orderRefused {
		return
	}
	if l.Order == orderStop {
		proc, _, _ := strings.Cut(l.Consumer, "#")
		o.stopped[proc] = true
		return
	}
	if l.ID != "" {
		o.jobs[l.ID] = append(o.jobs[l.ID], *l)
		return
	}
	o.queues[l.Queue] = append(o.queues[l.Queue], *l)
}

// of lists the orders that concern a job.
func (o *orderLog) of(h *history) (all []line) {
	for id := range h.known {
		all = append(all, o.jobs[id]...)
	}
	for _, l := range o.queues[h.queue()] {
		if l.Kind == "" || l.Kind == h.kind {
			all = append(all, l)
		}
	}
	return all
}

// isEnd reports whether an order ends a job.
func (l *line) isEnd() bool {
	return l.Order == string(inspect.ActionCancel) || l.Order == string(inspect.ActionBury)
}

// given reports whether an order may have taken effect between two times.
func given(orders []line, action inspect.Action, from, to int64) bool {
	for _, l := range orders {
		if l.Order == string(action) && l.At < to &&
			(l.Until > from || l.Code == orderUnknown && l.Until+int64(callLimit) > from) {
			return true
		}
	}
	return false
}

// obedience judges what a job's starts have to do with orders for it.
func (j *judge) obedience(h *history, orders []line) {
	patience := int64(j.lease) * 3 / 2
	for _, run := range h.runs {
		for _, l := range orders {
			if l.isEnd() && l.ID != "" && l.Code == orderDone && run.At > l.Until+patience &&
				!given(orders, inspect.ActionRequeue, l.At, run.At) {
				j.offend(&j.Ignored, h, "it started %s after a person's order to %s it", time.Duration(run.At-l.Until), l.Order)
			}
		}
		if since, paused := j.record.orders.pausedAt(run.Queue, run.At); paused && run.At > since+patience {
			j.offend(&j.Ignored, h, "it started %s after its queue was paused", time.Duration(run.At-since))
		}
	}
}

// pausedAt reports whether a queue was certainly paused at a time, and since when.
func (o *orderLog) pausedAt(name string, at int64) (since int64, paused bool) {
	for _, l := range o.queues[name] {
		switch {
		case l.At > at:
			return since, paused
		case l.Order == orderPause && l.Code == orderDone && l.Until < at:
			since, paused = l.Until, true
		case l.Order == orderResume:
			paused = false
		}
	}
	return since, paused
}

// pausedBetween reports whether a queue may have been paused at some time between two.
func (o *orderLog) pausedBetween(name string, from, to int64) bool {
	paused := false
	for _, l := range o.queues[name] {
		switch {
		case l.Order == orderPause && l.At < to:
			paused = true
		case l.Order == orderResume && l.Code == orderDone && l.Until < from:
			paused = false
		}
	}
	return paused
}

// byPerson judges a job that is dead as cancelled by a person, or must be.
func (j *judge) byPerson(h *history, orders []line, dead *inspect.JobInfo) {
	ordered, buried := false, false
	for _, l := range orders {
		if !l.isEnd() {
			continue
		}
		ordered = true
		if l.Order == string(inspect.ActionBury) && l.Code == orderDone &&
			!given(orders, inspect.ActionRequeue, l.At, math.MaxInt64) {
			buried = true
		}
	}
	cancelled := dead != nil && dead.Reason == inspect.ReasonByPerson
	if cancelled {
		j.Cancelled++
	}
	switch {
	case cancelled && !ordered:
		j.offend(&j.Wrong, h, "it is dead, %s, and nobody has cancelled it", dead.Reason)
	case dead == nil && buried:
		j.offend(&j.Ignored, h, "it was buried, and is not dead")
	}
}

// requeued reports whether a start follows from a person's order. Only what a person ended before is requeued.
func (j *judge) requeued(orders []line, a, b *call) bool {
	if b.Attempt != 1 || !given(orders, inspect.ActionRequeue, a.At, b.At) || !ended(orders, b.At) {
		return false
	}
	j.Requeued++
	return true
}

// ended reports whether a person may have ended a job by then.
func ended(orders []line, by int64) bool {
	return slices.ContainsFunc(orders, func(l line) bool { return l.isEnd() && l.At < by })
}

// hastened reports whether a person may have made a job start before it was due, between two times.
func hastened(orders []line, from, to int64) bool {
	return given(orders, inspect.ActionRunNow, from, to) || given(orders, inspect.ActionRequeue, from, to)
}
