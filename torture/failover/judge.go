package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// span is from one time to another, both included. The zero value is none.
type span struct{ from, to int64 }

func (s span) has(at int64) bool { return s.to != 0 && s.from <= at && at <= s.to }

// step is something that is done to Redis under load, and what follows until the next one.
type step struct {
	name     string
	queue    string // the one whose silences are measured
	begin    int64
	end      int64
	promoted int64  // from then on everything can work; 0: from the beginning
	loss     span   // Redis may lose in it what it has acknowledged; none: it must keep all
	nearLoss span   // the same, of what is done on the near side alone
	away     span   // no server takes writes, or for a queue none
	divided  bool   // two masters take writes, and nothing keeps both from it: what is repeated is not judged
	clock    bool   // Redis' clock steps: the times of locks do
	refuses  bool   // Redis may refuse jobs in it before promoted
	grown    int64  // bytes that a full Redis has grown by
	note     string // what is remarkable
}

// bareWrite is an entry that a bare client has added.
type bareWrite struct {
	acked int64
	there bool // at the end
}

// judge holds the ledger against the steps.
//
// A start is judged against the one of the same job before it, A and then B. It is doubled if A had not ended, or if A
// was done and Redis had acknowledged that, or would have, its worker keeping its lease. It is redelivered if A's
// outcome was not acknowledged and A's worker had lost its lease or stopped. Redis itself may lose a delivery or an
// outcome that it has acknowledged, as it may lose a job: the starts that follow from what was written while two
// servers were masters are redone, and bounded as lost jobs are, by what a bare client loses beside them.
type judge struct {
	book  *ledger
	steps []*step
	bare  []bareWrite
	late  func(from, to int64) time.Duration // how late the machine was between two times, at the most
	// without is how long a time is but for that in which no master took a write.
	without func(from, to int64) time.Duration
	lease   time.Duration
	dead    map[string]bool // jobs that are dead in Redis at the end
}

// rows judges every step.
func (j *judge) rows() []*row {
	rows := make([]*row, len(j.steps))
	for i, s := range j.steps {
		rows[i] = &row{Step: s.name, Times: 1, Note: s.note, Late: j.late(max(s.begin, s.promoted), s.end)}
		j.silences(rows[i], s)
	}
	for id, job := range j.book.jobs {
		j.job(rows, id, job)
	}
	for _, write := range j.bare {
		if i := j.at(write.acked); i >= 0 {
			rows[i].BareAcked++
			if !write.there {
				rows[i].BareLost++
			}
		}
	}
	for i, s := range j.steps {
		rows[i].verdict(s)
	}
	return rows
}

// at finds the step of a time.
func (j *judge) at(when int64) int {
	for i := len(j.steps) - 1; i >= 0; i-- {
		if j.steps[i].begin <= when {
			return i
		}
	}
	return -1
}

// loses finds the step in which Redis may have lost what it acknowledged to one side at one of some times; -1 is none.
func (j *judge) loses(side string, times ...int64) int {
	return slices.IndexFunc(j.steps, func(s *step) bool {
		return slices.ContainsFunc(times, func(at int64) bool {
			return s.loss.has(at) || side == near && s.nearLoss.has(at)
		})
	})
}

// losesRun finds the step in which Redis may have lost the last that it had of a run: its outcome, else its delivery.
func (j *judge) losesRun(r *run) int {
	for _, at := range []int64{r.confirmed, r.end, r.start} {
		if i := j.loses(r.side, at); i >= 0 {
			return i
		}
	}
	return -1
}

// outcomesLost counts, for each queue, the outcomes of runs that Redis may have lost though it acknowledged them.
func (j *judge) outcomesLost() map[string]int64 {
	lost := map[string]int64{}
	for _, job := range j.book.jobs {
		for _, r := range job.runs {
			if r.confirmed != 0 && j.loses(r.side, r.confirmed) >= 0 {
				lost[job.queue]++
			}
		}
	}
	return lost
}

func (j *judge) job(rows []*row, id string, job *entry) {
	slices.SortFunc(job.runs, func(a, b *run) int { return cmp.Compare(a.start, b.start) })
	if i := j.at(job.acked); job.acked != 0 && i >= 0 {
		j.account(rows[i], id, job)
	}
	for n := 1; n < len(job.runs); n++ {
		b := job.runs[n]
		if i := j.at(b.start); i >= 0 {
			j.again(rows, rows[i], id, j.earlier(job.runs[:n], b), b)
		}
	}
}

// account counts a job that was acknowledged, and finds whether it is lost.
func (j *judge) account(r *row, id string, job *entry) {
	r.Acked++
	if job.durable {
		r.Durable++
	}
	if j.dead[id] || slices.ContainsFunc(job.runs, func(r *run) bool { return r.how == endedDone }) {
		return
	}
	r.Lost++
	if job.durable {
		r.DurableLost++
	}
	if j.loses(job.side, job.acked) < 0 {
		r.problem("job %s was acknowledged while Redis lost nothing, and is lost (%d starts)", id, len(job.runs))
	}
}

// earlier returns the run that a start is judged against: one that goes on, or else the last one.
func (j *judge) earlier(runs []*run, b *run) *run {
	for _, a := range slices.Backward(runs) {
		if a.end == 0 || a.end > b.start {
			return a
		}
	}
	return runs[len(runs)-1]
}

// again judges a start after another, in the row of a step or, if it follows from a loss of Redis, in that step's.
func (j *judge) again(rows []*row, r *row, id string, a, b *run) {
	lostLease := j.book.leases[a.consumer]
	gone := lostLease != 0 && a.start <= lostLease && lostLease < b.start
	lost := j.losesRun(a)
	switch {
	case a.end == 0 || a.end > b.start:
		if i := j.loses(a.side, a.start); i >= 0 {
			rows[i].redone("job %s was started by %s while %s was running it", id, b.consumer, a.consumer)
			return
		}
		r.doubled("job %s was started by %s while %s was running it", id, b.consumer, a.consumer)
	case a.how == endedFailed && b.attempt > a.attempt: // the next attempt
	case a.how == endedLost, a.how == endedReleased:
		r.Redelivered++
	case a.confirmed == 0 && (gone || time.Duration(b.start-a.end) >= j.lease*3/4):
		r.Redelivered++
	case lost >= 0:
		rows[lost].redone("job %s was started by %s, %s after %s had ended it, %s, acknowledged: %t", id, b.consumer,
			time.Duration(b.start-a.end).Round(time.Millisecond), a.consumer, a.how, a.confirmed != 0)
	case a.confirmed != 0:
		r.doubled("job %s was started by %s after Redis had acknowledged to %s that it was %s", id, b.consumer, a.consumer,
			a.how)
	default:
		r.doubled("job %s was started by %s, %s after %s had ended it, %s, with its lease", id, b.consumer,
			time.Duration(b.start-a.end).Round(time.Millisecond), a.consumer, a.how)
	}
}

func (r *row) doubled(format string, args ...any) {
	r.Doubled++
	if r.Doubled <= 5 {
		r.offences = append(r.offences, fmt.Sprintf(format, args...))
	}
}

func (r *row) redone(format string, args ...any) {
	r.Redone++
	if r.Redone <= 10 {
		r.repeated = append(r.repeated, fmt.Sprintf(format, args...))
	}
}

func (r *row) problem(format string, args ...any) {
	r.Problems = append(r.Problems, r.Step+": "+fmt.Sprintf(format, args...))
}

// The tolerances of the verdict.
const (
	silenceBound = time.Second           // after a promotion; what the machine itself was late is added
	chance       = 50 * time.Millisecond // of work is lost or kept by chance, beside half of what the bare client lost
)

// mayLose is how many of our writes may be lost beside a bare client's, in the same step.
func (r *row) mayLose(ours int, s *step) int {
	if s.loss.to == 0 || r.BareAcked == 0 {
		return 0
	}
	rate := float64(ours) / max(time.Duration(s.end-s.begin).Seconds(), 1)
	share := float64(ours) / float64(r.BareAcked)
	return int(1.5*share*float64(r.BareLost) + rate*chance.Seconds() + 1)
}

// verdict completes a row with what is wrong with it.
func (r *row) verdict(s *step) {
	if most := r.mayLose(r.Acked, s); r.Lost > most {
		r.problem("%d of %d acknowledged jobs are lost; the bare client lost %d of %d, so at most %d", r.Lost, r.Acked,
			r.BareLost, r.BareAcked, most)
	}
	if r.DurableLost > 0 {
		r.problem("%d jobs are lost of which a replica was said to have a copy", r.DurableLost)
	}
	if !s.divided {
		if r.Doubled > 0 {
			r.problem("%d starts are doubled", r.Doubled)
		}
		for _, offence := range r.offences {
			r.problem("%s", offence)
		}
		// A job is delivered and its outcome recorded: two writes where a bare client makes one.
		if most := 2 * r.mayLose(r.Acked, s); r.Redone > most {
			r.problem("%d starts are redone; the bare client lost %d of %d writes, so at most %d", r.Redone, r.BareLost,
				r.BareAcked, most)
			for _, again := range r.repeated {
				r.problem("%s", again)
			}
		}
	}
	if r.Acked == 0 && !s.refuses || r.BareAcked == 0 && !s.refuses {
		r.problem("nothing is shown: %d jobs and %d entries of the bare client were acknowledged", r.Acked, r.BareAcked)
	}
	if s.refuses && r.Acks.Max < fullFor/2 {
		r.problem("nothing is shown: a full Redis went on taking jobs")
	}
	if s.grown > fullMost {
		r.problem("a full Redis has grown by %d KiB", s.grown>>10)
	}
	bound := silenceBound + r.Late
	if r.Acks.After > bound {
		r.problem("no job was acknowledged for %s, at most %s, from %s after the promotion", ms(r.Acks.After), ms(bound),
			ms(r.Acks.began))
	}
	if r.Starts.After > bound {
		r.problem("no job was started for %s, at most %s, from %s after the promotion", ms(r.Starts.After), ms(bound),
			ms(r.Starts.began))
	}
}
