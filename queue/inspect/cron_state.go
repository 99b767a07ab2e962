package inspect

import "time"

// CronState says whether a cron entry enqueues its jobs.
type CronState string

// The states of cron entries.
const (
	CronOn      CronState = "on"
	CronHeld    CronState = "held"    // its next job waits for the end of the one before
	CronOverdue CronState = "overdue" // its next tick is due for more than 3 s: no worker enqueues it
	CronPaused  CronState = "paused"  // by a person
	CronBroken  CronState = "broken"  // see Problem
)

// CronStates are all of them, in the order in which they are shown.
var CronStates = []CronState{CronOn, CronHeld, CronOverdue, CronPaused, CronBroken}

// cronOverdue is how late a tick is that counts as overdue: workers that live are faster.
const cronOverdue = 3 * time.Second

func (e *CronEntry) state() CronState {
	switch {
	case e.Paused != nil:
		return CronPaused
	case e.Problem != "":
		return CronBroken
	case e.Held:
		return CronHeld
	case e.LateMS > cronOverdue.Milliseconds():
		return CronOverdue
	}
	return CronOn
}

// Undeclared reports whether code has declared the entry once and no worker that lives does so: it is left over, or no
// worker runs. One that a person has added was never declared.
func (e CronEntry) Undeclared() bool { return !e.Declared && (e.Edited == nil || e.Version != 0) }

// LastLate is by how much the last tick was late beyond the entry's jitter; 0 if there was none.
func (e CronEntry) LastLate() time.Duration {
	if e.Last == nil {
		return 0
	}
	return max(time.Duration(e.Last.LateMS)*time.Millisecond-e.Jitter, 0)
}
