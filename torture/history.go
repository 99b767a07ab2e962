package main

import (
	"cmp"
	"slices"
	"time"
)

// history is what the ledgers say about one job.
type history struct {
	name  string
	kind  string
	lines []line
	runs  []*call         // in the order of their starts
	ids   map[string]bool // under which it started
	known map[string]bool // besides: under which a producer knows it

	enqueued  bool // a producer got that answer
	unknown   bool // a producer got the answer that nobody knows
	duplicate bool // a producer got the answer that another job has its key
}

// call is one call of a handler.
type call struct {
	line            // its start
	end       *line // nil: none was written
	confirmed *line // the worker's word that Redis has recorded the outcome; nil: none was given
}

// endedBefore reports whether the handler had ended at a time.
func (c *call) endedBefore(at int64) bool {
	return c.end != nil && c.end.At < at && c.end.Said != saidExit
}

// runKey finds the run that a line belongs to.
type runKey struct {
	proc string
	run  int64
}

// record is everything that the ledgers say.
type record struct {
	jobs   map[string]*history
	byID   map[string]*history
	acked  map[string]string // job IDs that producers got → the name that it was got for
	faults *faultLog
	orders *orderLog
	ends   []line          // of processes
	joined map[string]bool // processes that have worked
	first  int64
}

// newRecord sorts the lines, which are in the order of time, by their subject.
func newRecord(lines []line) *record {
	r := &record{jobs: map[string]*history{}, byID: map[string]*history{}, acked: map[string]string{},
		faults: newFaultLog(), orders: newOrderLog(), joined: map[string]bool{}}
	runs := map[runKey]*call{}
	for i := range lines {
		l := &lines[i]
		r.first = cmp.Or(r.first, l.At)
		switch l.Said {
		case saidFault, saidLease:
			r.faults.add(l)
		case saidEnded:
			r.ends = append(r.ends, *l)
			r.faults.add(l)
		case saidOrder:
			r.orders.add(l)
		case saidConfirmed:
			r.confirm(l)
		case saidNoted:
			r.joined[l.Proc] = true
			if h := r.byID[l.ID]; l.ID != "" && h != nil {
				h.lines = append(h.lines, *l)
			}
		default:
			r.addToJob(l, runs)
		}
	}
	return r
}

func (r *record) addToJob(l *line, runs map[runKey]*call) {
	h := r.jobs[l.Job]
	if h == nil {
		h = &history{name: l.Job, kind: l.Kind, ids: map[string]bool{}, known: map[string]bool{}}
		r.jobs[l.Job] = h
	}
	h.lines = append(h.lines, *l)
	switch l.Said {
	case saidEnqueued:
		h.enqueued = true
		h.known[l.ID] = true
		r.acked[l.ID] = l.Job
	case saidDuplicate:
		h.duplicate = true
		r.acked[l.ID] = l.Job
	case saidUnknown:
		h.unknown = true
	case saidRefused:
	case saidStart:
		started := &call{line: *l}
		h.runs = append(h.runs, started)
		h.ids[l.ID], h.known[l.ID] = true, true
		r.byID[l.ID] = h
		runs[runKey{l.Proc, l.Run}] = started
	default:
		if ended := runs[runKey{l.Proc, l.Run}]; ended != nil {
			ended.end = l
		}
	}
}

// confirm gives a worker's word to the run it is about: the last of that job under that consumer name.
func (r *record) confirm(l *line) {
	h := r.byID[l.ID]
	if h == nil {
		return // buried without a run
	}
	h.lines = append(h.lines, *l)
	for _, run := range slices.Backward(h.runs) {
		if run.Consumer == l.Consumer && run.ID == l.ID && run.end != nil && run.Redelivered == l.Redelivered {
			run.confirmed = l
			return
		}
	}
}

// faultLog is what went wrong, and for whom.
type faultLog struct {
	deaths map[string]int64 // process → when it was killed or had ended
	leases map[string]int64 // consumer → when it noticed that its lease was lost
	spans  []line           // faults, instants and spans
}

func newFaultLog() *faultLog {
	return &faultLog{deaths: map[string]int64{}, leases: map[string]int64{}}
}

func (f *faultLog) add(l *line) {
	switch {
	case l.Said == saidLease:
		if _, known := f.leases[l.Consumer]; !known {
			f.leases[l.Consumer] = l.At
		}
	case l.Said == saidEnded || l.Fault == faultKill || l.Fault == faultCaretaker:
		if _, known := f.deaths[l.Proc]; !known {
			f.deaths[l.Proc] = l.At
		}
	}
	if l.Said == saidFault && l.Fault != faultRolling {
		f.spans = append(f.spans, *l)
	}
}

// diedBefore returns when a process died, if it had by then.
func (f *faultLog) diedBefore(proc string, at int64) (int64, bool) {
	death, died := f.deaths[proc]
	return death, died && death <= at
}

// leaseLostBefore reports whether a worker had noticed by then that its lease was lost.
func (f *faultLog) leaseLostBefore(consumer string, at int64) bool {
	lost, known := f.leases[consumer]
	return known && lost <= at
}

// calm reports whether a process was left alone by every fault for so long without a break, between two times.
func (f *faultLog) calm(proc string, from, to int64, need time.Duration) bool {
	for _, l := range f.spans { // in the order of their beginnings
		if !l.hits(proc) || max(l.Until, l.At) < from {
			continue
		}
		if min(l.At, to)-from >= int64(need) {
			return true
		}
		from = max(from, l.At, l.Until)
	}
	return to-from >= int64(need)
}

// longest finds the longest time for which one of some faults, or several with at most gap between them, had a process
// in their grip, of those that touch the time from..to; what comes after to does not count. It returns its beginning.
func (f *faultLog) longest(proc string, from, to int64, gap time.Duration, names ...string) (long time.Duration,
	began int64) {
	var start, end int64
	for _, l := range f.spans {
		until := min(max(l.Until, l.At), to)
		if !l.hits(proc) || !slices.Contains(names, l.Fault) || until < from || l.At > to {
			continue
		}
		if start == 0 || l.At > end+int64(gap) {
			start, end = l.At, l.At
		}
		end = max(end, until)
		if grip := time.Duration(end - start); grip > long {
			long, began = grip, start
		}
	}
	return long, began
}

// away is for how much of the time between two times Redis could not be written to.
func (f *faultLog) away(from, to int64) (away time.Duration) {
	for _, l := range f.spans { // in the order of their beginnings
		if l.Fault != faultRedis && l.Fault != faultSleep && l.Fault != faultMemory {
			continue
		}
		if began, ended := max(l.At, from), min(l.Until, to); ended > began {
			away += time.Duration(ended - began)
			from = ended
		}
	}
	return away
}

func (l *line) hits(proc string) bool { return l.Proc == "" || l.Proc == proc }
