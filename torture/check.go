package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

// Two starts of one job, A and then B, are judged by the ledger alone. B is legitimate when A's run was over, or could
// not be known to go on:
//
//   - A's process was dead: killed, ended by a poison job, or stopped. The time from its death to B is a recovery.
//   - A's process was stopped by SIGSTOP for at least 3/4 of a lease in between. So is this.
//   - A's handler had seen its context end because the lease was lost or the worker stopped, before B.
//   - A had failed or snoozed before B, and B is what follows: the next attempt, or a run after the snooze.
//
// B is a duplicate otherwise, with two exceptions that are counted apart:
//
//   - redone: A's handler had ended before B, but Redis had not confirmed the outcome to A's worker, and since A's end
//     its process died, lost its lease, or was kept from Redis for at least 5/8 of a lease, before it was left alone
//     for as long as a worker takes at the most to try again. The job was done at least once, as promised. If Redis had
//     confirmed it, nothing excuses B.
//   - late: A's process was cut off from Redis for at least 3/4 of a lease, but its handler learned of it only after B;
//     or its worker had noticed the loss of its lease, and A's handler is of the kind that does not end with its
//     context.
//
// What a person orders changes the rules, see orders.go.
//
// An attempt is burned when B's attempt number is higher than A's though A did not fail, or higher by more than one.
type judge struct {
	lease    time.Duration
	ackedIn  time.Duration // a worker that is left alone for so long has recorded the outcomes of its runs
	record   *record
	dead     map[string]inspect.JobInfo // by job ID, as found in Redis at the end
	guilty   []string                   // names of jobs, the first offence first
	victims  []string                   // names of jobs that were buried as crashing, and did not crash
	problems []string                   // one line each
	result
}

// result is what the judge counts.
type result struct {
	Lost         int           `json:"lost"`
	Duplicates   int           `json:"duplicates"`
	Burned       int           `json:"attempts_burned_by_crashes"`
	Wrong        int           `json:"wrong_ends"`
	Ignored      int           `json:"actions_ignored"`
	Orders       int           `json:"orders"`
	Cancelled    int           `json:"cancelled_by_a_person"`
	Requeued     int           `json:"requeued_by_a_person"`
	Redone       int           `json:"redone_after_a_fault"`
	Late         int           `json:"lease_loss_noticed_late"`
	Redelivered  int           `json:"redeliveries"`
	Victims      int           `json:"innocent_buried"`
	Wronged      int           `json:"innocent_buried_without_so_many_crashes"`
	Done         int           `json:"done"`
	Dead         int           `json:"dead"`
	RecoveryP50  time.Duration `json:"recovery_p50_ns"`
	RecoveryP99  time.Duration `json:"recovery_p99_ns"`
	RecoveryMax  time.Duration `json:"recovery_max_ns"`
	RecoveryAway time.Duration `json:"recovery_max_with_outages_of_redis_ns"`
	Recoveries   int           `json:"recoveries"`
	recovery     []time.Duration
	slowest      string // the job of the longest recovery
	leasesLost   int
	UnknownJobs  int `json:"unknown_outcomes"`
	EnqueuedJobs int `json:"enqueued"`
}

// longestBackoff is how long a worker's loops wait at the most before they try Redis again.
const longestBackoff = 3 * time.Second

func newJudge(r *record, dead map[string]inspect.JobInfo, lease time.Duration) *judge {
	return &judge{lease: lease, ackedIn: lease + longestBackoff, record: r, dead: dead}
}

// run judges every job.
func (j *judge) run() {
	names := make([]string, 0, len(j.record.jobs))
	for name := range j.record.jobs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		h := j.record.jobs[name]
		orders := j.record.orders.of(h)
		j.count(h)
		j.existence(h)
		j.starts(h, orders)
		j.obedience(h, orders)
		j.ending(h, orders)
	}
	j.lost()
	j.leasesLost = len(j.record.faults.leases)
	slices.Sort(j.recovery)
	if n := len(j.recovery); n > 0 {
		j.Recoveries, j.RecoveryP50, j.RecoveryP99, j.RecoveryMax = n, j.recovery[n/2], j.recovery[n*99/100], j.recovery[n-1]
	}
}

// offend notes a job's offence.
func (j *judge) offend(counter *int, h *history, format string, args ...any) {
	*counter++
	j.problems = append(j.problems, fmt.Sprintf("job %s (%s): ", h.name, h.kind)+fmt.Sprintf(format, args...))
	if !slices.Contains(j.guilty, h.name) {
		j.guilty = append(j.guilty, h.name)
	}
}

func (j *judge) count(h *history) {
	switch {
	case h.enqueued:
		j.EnqueuedJobs++
	case h.unknown:
		j.UnknownJobs++
	}
	for i, run := range h.runs {
		if i > 0 && run.Redelivered > h.runs[i-1].Redelivered {
			j.Redelivered++
		}
	}
}

// existence checks that the answers that producers got are true.
func (j *judge) existence(h *history) {
	if len(h.ids) > 1 {
		j.offend(&j.Duplicates, h, "it was enqueued %d times", len(h.ids))
	}
	if len(h.runs) > 0 && !h.enqueued && !h.unknown {
		j.offend(&j.Wrong, h, "it ran although the producer got the answer that it was not enqueued")
	}
}

// starts judges each start of a job after the one before.
func (j *judge) starts(h *history, orders []line) {
	if len(h.runs) == 0 {
		return
	}
	first := h.runs[0]
	if first.Attempt != 1 {
		j.offend(&j.Burned, h, "its first run was attempt %d", first.Attempt)
	}
	for _, l := range h.lines {
		if l.Said == saidEnqueued && l.Until > first.At && !hastened(orders, l.At, first.At) {
			j.offend(&j.Wrong, h, "it started %s before it was due", time.Duration(l.Until-first.At))
		}
	}
	for i := 1; i < len(h.runs); i++ {
		a, b := h.runs[i-1], h.runs[i]
		switch {
		case j.requeued(orders, a, b):
		case a.endedBefore(b.At):
			j.afterEnd(h, orders, a, b)
		default:
			j.beforeEnd(h, a, b)
		}
	}
}

// afterEnd judges a start after the run before had ended.
func (j *judge) afterEnd(h *history, orders []line, a, b *call) {
	step := 0
	follows := false // b is what follows from a's outcome
	switch a.end.Said {
	case saidLost, saidReleased:
		follows = true
	case saidFailed:
		if follows = b.Attempt > a.Attempt; follows {
			step = 1
		}
	case saidSnoozed:
		follows = b.At >= a.end.Until || hastened(orders, a.At, b.At)
	}
	if b.Attempt != a.Attempt+step {
		j.offend(&j.Burned, h, "attempt %d followed attempt %d, which was %s", b.Attempt, a.Attempt, a.end.Said)
	}
	if follows {
		return
	}
	f := j.record.faults
	_, died := f.diedBefore(a.Proc, b.At)
	switch {
	case a.confirmed != nil && a.confirmed.At < b.At:
		j.offend(&j.Duplicates, h, "started again by %s after Redis had confirmed to %s that it was %s", b.Consumer,
			a.Consumer, a.end.Said)
	case f.calm(a.Proc, a.end.At, j.gone(a, b), j.ackedIn):
		j.offend(&j.Duplicates, h, "started again by %s although %s had ended it, %s, and nothing kept it from saying so",
			b.Consumer, a.Consumer, a.end.Said)
	// What the worker trusts of its lease is over 3/4 of it after the last heartbeat, which may have come an eighth before
	// the fault.
	case died, f.leaseLostBefore(a.Consumer, b.At), j.gripped(a, b, j.lease*5/8):
		j.Redone++
	default:
		j.offend(&j.Duplicates, h, "started again by %s although %s had ended it, %s", b.Consumer, a.Consumer, a.end.Said)
	}
}

// gone is until when a's worker had the time to record a's outcome: until b, its death, or the loss of its lease.
func (j *judge) gone(a, b *call) int64 {
	at := b.At
	if death, died := j.record.faults.diedBefore(a.Proc, at); died {
		at = death
	}
	if lost, known := j.record.faults.leases[a.Consumer]; known {
		at = min(at, lost)
	}
	return at
}

// beforeEnd judges a start while the run before had not ended.
func (j *judge) beforeEnd(h *history, a, b *call) {
	if b.Attempt != a.Attempt {
		j.offend(&j.Burned, h, "attempt %d followed attempt %d, which had not ended", b.Attempt, a.Attempt)
	}
	f := j.record.faults
	if death, died := f.diedBefore(a.Proc, b.At); died {
		j.recovered(h, death, b.At)
		return
	}
	enough := j.lease * 3 / 4
	if long, began := f.longest(a.Proc, a.At-int64(j.lease), b.At, 0, faultStop, faultPause); long >= enough {
		j.recovered(h, began, b.At)
		return
	}
	if j.gripped(a, b, enough) || h.kind == kindDeaf && f.leaseLostBefore(a.Consumer, b.At) {
		j.Late++
		return
	}
	j.offend(&j.Duplicates, h, "started by %s while %s was running it", b.Consumer, a.Consumer)
}

// gripped reports whether faults kept a's worker from its heartbeats for so long before b.
func (j *judge) gripped(a, b *call, enough time.Duration) bool {
	long, _ := j.record.faults.longest(a.Proc, a.At-int64(j.lease), b.At, j.lease/4,
		faultStop, faultPause, faultRedis, faultSleep, faultStall, faultCut, faultDelay, faultClients)
	return long >= enough
}

// recovered notes how long after the fault a job started again, unless its queue was paused meanwhile. While Redis is
// away nothing can start, so that time is left out, and kept apart.
func (j *judge) recovered(h *history, since, at int64) {
	if j.record.orders.pausedBetween(h.queue(), since, at) {
		return
	}
	j.RecoveryAway = max(j.RecoveryAway, time.Duration(at-since))
	d := time.Duration(at-since) - j.record.faults.away(since, at)
	if len(j.recovery) == 0 || d > slices.Max(j.recovery) {
		j.slowest = h.name
	}
	j.recovery = append(j.recovery, d)
}

// ending checks that a job that exists ended as its kind must.
func (j *judge) ending(h *history, orders []line) {
	var dead *inspect.JobInfo
	for id := range h.known {
		if info, ok := j.dead[id]; ok {
			dead = &info
		}
	}
	j.byPerson(h, orders, dead)
	if len(h.runs) == 0 {
		return // if it was acknowledged it is lost, or dead without a run
	}
	done, confirmed := false, false
	for _, run := range h.runs {
		if run.end != nil && run.end.Said == saidDone {
			done, confirmed = true, confirmed || run.confirmed != nil && !ended(orders, run.confirmed.At)
		}
	}
	want := ""
	if k := kindOf(h.kind); k != nil {
		want = k.dead
	}
	switch {
	case dead != nil && confirmed:
		j.offend(&j.Wrong, h, "it is dead (%s) although it was done", dead.Reason)
	case dead != nil && (dead.Reason == want || dead.Reason == inspect.ReasonByPerson):
		j.Dead++
	case dead != nil && dead.Reason == inspect.ReasonCrashed:
		j.Dead++
		j.victim(h, *dead)
	case dead != nil:
		j.offend(&j.Wrong, h, "it is dead: %s; %s", dead.Reason, dead.Error)
	case done && want == "":
		j.Done++
	case done:
		j.offend(&j.Wrong, h, "it was done, but must be dead")
	case !h.enqueued:
		j.offend(&j.Lost, h, "it started and is neither done nor dead")
	}
}

// victim judges a job that was buried as if it had crashed its worker. Whoever runs for long under a rain of faults may
// be redelivered as often as a poison job, so victims are counted and not an offence, unless they were redelivered less
// often than it takes. Those whose workers mostly lived, and only lost their leases, are counted apart.
func (j *judge) victim(h *history, dead inspect.JobInfo) {
	j.Victims++
	j.victims = append(j.victims, h.name)
	if dead.Redelivered < maxCrashes {
		j.offend(&j.Wrong, h, "it is dead, %s, after %d redeliveries", dead.Reason, dead.Redelivered)
	}
	crashes := 0
	for _, run := range h.runs {
		if run.end == nil {
			crashes++
		}
	}
	if crashes < maxCrashes {
		j.Wronged++
	}
}

// lost looks for acknowledged jobs that are neither done nor dead.
func (j *judge) lost() {
	done := map[string]bool{}
	for _, h := range j.record.jobs {
		for _, run := range h.runs {
			if run.end != nil && run.end.Said == saidDone {
				done[run.ID] = true
			}
		}
	}
	for id, name := range j.record.acked {
		if _, dead := j.dead[id]; !dead && !done[id] {
			j.offend(&j.Lost, j.record.jobs[name], "it was acknowledged as %s, and is neither done nor dead", id)
		}
	}
}
