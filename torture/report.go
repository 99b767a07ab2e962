package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is the outcome of a run.
type report struct {
	Held     bool           `json:"held"`
	Seed     uint64         `json:"seed"`
	Duration time.Duration  `json:"duration_ns"`
	Lease    time.Duration  `json:"lease_ns"`
	Workers  int            `json:"workers"`
	Faults   map[string]int `json:"faults"`
	result
	Problems []string `json:"problems,omitempty"`

	histories []string
}

const (
	historiesShown = 5
	problemsShown  = 40
)

// take completes the report with what the judge found.
func (r *report) take(j *judge, lines []line) {
	r.result = j.result
	r.Faults = map[string]int{}
	for _, l := range lines {
		switch l.Said {
		case saidFault:
			r.Faults[l.Fault]++
		case saidOrder:
			r.Orders++
		}
	}
	r.Problems = append(r.Problems, processProblems(j.record, j.lease)...)
	r.Problems = append(r.Problems, j.problems...)
	r.Held = len(r.Problems) == 0
	for _, name := range j.guilty[:min(len(j.guilty), historiesShown)] {
		r.histories = append(r.histories, historyOf(j.record, lines, name))
	}
	for _, name := range j.victims[:min(len(j.victims), historiesShown)] {
		r.histories = append(r.histories, "(innocent, and buried as crashing)\n"+historyOf(j.record, lines, name))
	}
	if j.slowest != "" && !slices.Contains(j.guilty, j.slowest) {
		r.histories = append(r.histories, "(the slowest recovery)\n"+historyOf(j.record, lines, j.slowest))
	}
}

// processProblems checks how the worker processes ended: killed by a fault, by a poison job, in good order at the
// request of a signal or a person, or at once when Redis was away at their start. One that was to end before it handled
// signals ends by the signal.
func processProblems(r *record, lease time.Duration) (problems []string) {
	killed, told := map[string]bool{}, map[string]bool{}
	for _, l := range r.faults.spans {
		switch l.Fault {
		case faultKill, faultCaretaker:
			killed[l.Proc] = true
		case faultTerm:
			told[l.Proc] = true
			if l.Note == hung {
				problems = append(problems, fmt.Sprintf("worker %s: %s after SIGTERM", l.Proc, hung))
			} else if took := time.Duration(l.Until - l.At); took > graceOfWorker+wayOut &&
				r.faults.quiet(l.Proc, l.At-int64(lease), l.Until) {
				problems = append(problems, fmt.Sprintf("worker %s took %s to end after SIGTERM, with %s of grace", l.Proc, took,
					graceOfWorker))
			}
		}
	}
	for _, l := range r.ends {
		switch {
		case l.Code == poisonCode, l.Code == codeNoStart, l.Code == 0 &&
			(told[l.Proc] || r.orders.stopped[l.Proc]), l.Code == -1 && (killed[l.Proc] || told[l.Proc] && !r.joined[l.Proc]):
		default:
			problems = append(problems, fmt.Sprintf("worker %s ended by itself, status %d; see its .err file. %s", l.Proc,
				l.Code, l.Note))
		}
	}
	return problems
}

// quiet reports whether no fault but SIGTERM hit a process between two times.
func (f *faultLog) quiet(proc string, from, to int64) bool {
	return !slices.ContainsFunc(f.spans, func(l line) bool {
		return l.hits(proc) && l.Fault != faultTerm && l.At < to && max(l.At, l.Until) > from
	})
}

// historyOf is the whole history of a job, with the faults and lost leases that befell its workers meanwhile.
func historyOf(r *record, lines []line, name string) string {
	h := r.jobs[name]
	procs := map[string]bool{}
	for _, run := range h.runs {
		procs[run.Proc] = true
	}
	own := slices.Clone(h.lines)
	from, to := own[0].At, own[len(own)-1].At
	for _, l := range lines {
		ordered := l.Said == saidOrder &&
			(h.known[l.ID] || l.ID == "" && l.Queue == h.queue() && (l.Kind == "" || l.Kind == h.kind))
		around := l.At <= to+int64(time.Second) && max(l.At, l.Until) >= from-int64(time.Second)
		concerns := l.Said == saidFault && (l.Proc == "" || procs[l.Proc]) || procs[l.Proc] &&
			(l.Said == saidEnded || l.Said == saidLease || l.Said == saidNoted && l.ID == "" && l.Queue == h.queue())
		if h.known[l.ID] && ordered || around && (concerns || ordered) {
			own = append(own, l)
		}
	}
	slices.SortStableFunc(own, func(a, b line) int { return int(a.At - b.At) })
	var text strings.Builder
	fmt.Fprintf(&text, "history of %s (%s, queue %s), seconds since the beginning:\n", h.name, h.kind, h.queue())
	for _, l := range own {
		fmt.Fprintln(&text, l.since(r.first))
	}
	return text.String()
}

func (h *history) queue() string {
	for _, l := range h.lines {
		if l.Queue != "" {
			return l.Queue
		}
	}
	return ""
}

// print writes the report as a table, or as one JSON object.
func (r *report) print(to io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(to).Encode(r)
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	row := func(name string, value any, must string) { fmt.Fprintf(w, "%s\t%v\t%s\n", name, value, must) }
	row("seed", r.Seed, "")
	row("duration", r.Duration.Round(time.Second), fmt.Sprintf("%d workers, lease %s", r.Workers, r.Lease))
	row("jobs enqueued", r.EnqueuedJobs, fmt.Sprintf("and %d with an unknown outcome", r.UnknownJobs))
	row("done", r.Done, "")
	row("dead", r.Dead, fmt.Sprintf("%d of them innocent, buried as crashing; %d of those had not so many crashes",
		r.Victims, r.Wronged))
	struck := 0
	for _, name := range slices.Sorted(maps.Keys(r.Faults)) {
		row("fault: "+name, r.Faults[name], "")
		struck += r.Faults[name]
	}
	row("faults", struck, "")
	row("lost", r.Lost, "must be 0")
	row("duplicate starts", r.Duplicates, "must be 0: the first worker lived")
	row("attempts burned by crashes", r.Burned, "must be 0")
	row("wrong ends", r.Wrong, "must be 0")
	row("actions ignored", r.Ignored, fmt.Sprintf("must be 0, of %d actions of a person", r.Orders))
	row("cancelled by a person", r.Cancelled, fmt.Sprintf("and %d starts after a person had requeued such a job",
		r.Requeued))
	row("redeliveries", r.Redelivered, "")
	row("redone after a fault", r.Redone, "ended, but the fault came before the acknowledgement")
	row("loss of lease noticed late", r.Late, "the next worker started first")
	row("leases lost", r.leasesLost, "")
	row("recovery", fmt.Sprintf("%s median", ms(r.RecoveryP50)),
		fmt.Sprintf("%s p99, %s max, of %d, while Redis answered; %s with its outages", ms(r.RecoveryP99), ms(r.RecoveryMax),
			r.Recoveries, ms(r.RecoveryAway)))
	verdict := "held"
	if !r.Held {
		verdict = "FAILED"
	}
	row("verdict", verdict, "")
	return w.Flush()
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// explain writes what was wrong, and the histories of the first jobs concerned.
func (r *report) explain(to io.Writer) {
	fmt.Fprintf(to, "\nseed %d, %d problems\n", r.Seed, len(r.Problems))
	for _, p := range r.Problems[:min(len(r.Problems), problemsShown)] {
		fmt.Fprintln(to, " -", p)
	}
	for _, h := range r.histories {
		fmt.Fprintln(to)
		fmt.Fprint(to, h)
	}
}
