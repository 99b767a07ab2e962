package queue

import (
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// schedule gives the ticks of an entry.
type schedule struct {
	next func(after time.Time) time.Time
}

// cronPlan is what is to be done about an entry that is due.
type cronPlan struct {
	ticks  []time.Time // whose jobs are enqueued
	missed time.Time   // the first of those that are left out; zero if there are none
	next   time.Time   // zero for none
}

// plan decides which ticks of an entry are enqueued: of those that were missed the last, as many as the entry catches
// up, and all that are in time. What is too much for one go stays due. A tick that was held back, for the end of a job,
// was not missed; nor does it matter by how many others it was followed.
func (s schedule) plan(state wire.CronState, e *wire.CronEntry, now time.Time) (p cronPlan) {
	first := state.Tick
	if first.IsZero() || first.After(now) {
		return cronPlan{next: s.following(first, now)}
	}
	if state.Held {
		ticks, _ := s.last(first, now, 1)
		return cronPlan{ticks: ticks, next: s.next(now)}
	}
	most := min(cronJobs, max(cronBytes/max(len(e.Data), 1), 1))
	inTime := now.Add(-MissedAfter - e.JitterFor())
	ticks, left := s.last(first, inTime, e.CatchUp)
	if left {
		p.missed = first
	}
	if !first.After(inTime) {
		first = s.next(inTime)
	}
	for at := first; !at.IsZero() && !at.After(now); at = s.next(at) {
		if ticks = append(ticks, at); len(ticks) > most {
			break
		}
	}
	if e.Overlap == wire.OverlapQueue && len(ticks) > 1 {
		ticks = ticks[len(ticks)-1:]
	}
	if len(ticks) > most {
		p.ticks, p.next = ticks[:most], ticks[most]
		return p
	}
	p.ticks, p.next = ticks, s.next(now)
	return p
}

// following is the next tick of an entry whose own is not due, or was lost.
func (s schedule) following(first, now time.Time) time.Time {
	if first.IsZero() {
		return s.next(now)
	}
	return first
}

// last returns the last n ticks from the first to an instant, and whether there were more. It looks back from the end,
// ever further: nobody may have been there for years.
func (s schedule) last(first, to time.Time, n int) (ticks []time.Time, more bool) {
	if first.After(to) {
		return nil, false
	}
	if n == 0 {
		return nil, true
	}
	for span := time.Second; ; span *= 2 {
		from := to.Add(-span)
		whole := !from.After(first)
		ticks = ticks[:0]
		at := s.next(from)
		if whole {
			at = first
		}
		for ; !at.IsZero() && !at.After(to); at = s.next(at) {
			ticks = append(ticks, at)
		}
		if whole || len(ticks) >= n {
			more = !whole || len(ticks) > n
			return ticks[max(0, len(ticks)-n):], more
		}
	}
}
