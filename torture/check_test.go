package main

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

// play is a ledger written by hand: times in seconds.
type play struct {
	lines []line
	deaf  bool // its handlers ignore the ends of their contexts
}

func (p *play) kind() string {
	if p.deaf {
		return kindDeaf
	}
	return "quick"
}

func at(seconds float64) int64 { return int64((1000 + seconds) * 1e9) }

func (p *play) fault(from, to float64, name, proc string) *play {
	p.lines = append(p.lines, line{Said: saidFault, Fault: name, Proc: proc, At: at(from), Until: at(to)})
	return p
}

func (p *play) job(when float64, said, proc string, run int64, attempt int) *play {
	p.lines = append(p.lines, line{
		At: at(when), Said: said, Job: "j1", ID: "id1", Kind: p.kind(), Queue: "orders", Proc: proc, Consumer: proc +
			"#a", Run: run, Attempt: attempt,
	})
	return p
}

func (p *play) lease(when float64, proc string) *play {
	p.lines = append(p.lines, line{At: at(when), Said: saidLease, Proc: proc, Consumer: proc + "#a"})
	return p
}

// order is one of a person, for the job, or for its queue; it takes a tenth of a second.
func (p *play) order(when float64, code int, order string) *play {
	l := line{At: at(when), Until: at(when + 0.1), Said: saidOrder, Order: order, Queue: "orders", Code: code}
	if order != orderPause && order != orderResume {
		l.ID = "id1"
	}
	p.lines = append(p.lines, l)
	return p
}

func enqueued() *play { return new(play).job(0, saidEnqueued, "", 0, 0) }

// verdict is a history, with the reason why its job is dead if it is, and what the judge must say of it.
type verdict struct {
	play *play
	dead string
	want result
}

// verdicts are short histories, and what the judge must say of them.
var verdicts = map[string]verdict{
	"done":        {play: enqueued().job(1, saidStart, "w1", 1, 1).job(2, saidDone, "w1", 1, 1), want: result{Done: 1}},
	"never ran":   {play: enqueued(), want: result{Lost: 1}},
	"started":     {play: enqueued().job(1, saidStart, "w1", 1, 1), want: result{Lost: 1}},
	"wrong grave": {play: enqueued().job(1, saidStart, "w1", 1, 1), dead: inspect.ReasonAttempts, want: result{Wrong: 1}},
	"refused": {play: new(play).job(0, saidRefused, "", 0, 0).job(1, saidStart, "w1", 1, 1).
		job(2, saidDone, "w1", 1, 1), want: result{Wrong: 1, Done: 1}},
	"two at once": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).job(2, saidStart, "w2", 1, 1).job(3, saidDone, "w1", 1, 1).
			job(4, saidDone, "w2", 1, 1),
		want: result{Duplicates: 1, Done: 1},
	},
	"stopped too short": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).fault(1.1, 1.7, faultStop, "w1").
			job(2, saidStart, "w2", 1, 1).job(3, saidDone, "w2", 1, 1),
		want: result{Duplicates: 1, Done: 1},
	},
	"stopped": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).fault(1.1, 4, faultStop, "w1").
			job(3, saidStart, "w2", 1, 1).job(3.5, saidDone, "w2", 1, 1),
		want: result{Done: 1, Recoveries: 1, RecoveryMax: 1900 * time.Millisecond},
	},
	"another was stopped": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).fault(1.1, 4, faultStop, "w3").
			job(3, saidStart, "w2", 1, 1).job(3.5, saidDone, "w2", 1, 1),
		want: result{Duplicates: 1, Done: 1},
	},
	"killed": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).fault(2, 2, faultKill, "w1").job(3, saidStart, "w2", 1, 1).
			job(4, saidDone, "w2", 1, 1),
		want: result{Done: 1, Recoveries: 1, RecoveryMax: time.Second},
	},
	"killed, and Redis was away twice": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).fault(2, 2, faultKill, "w1").fault(1.5, 3, faultRedis, "").
			fault(2.5, 4, faultSleep, "").job(5, saidStart, "w2", 1, 1).job(6, saidDone, "w2", 1, 1),
		want: result{Done: 1, Recoveries: 1, RecoveryMax: time.Second},
	},
	"killed afterwards": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).job(2, saidStart, "w2", 1, 1).
			job(3, saidDone, "w2", 1, 1).fault(4, 4, faultKill, "w1"),
		want: result{Duplicates: 1, Done: 1},
	},
	"attempt burned": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).fault(2, 2, faultKill, "w1").job(3, saidStart, "w2", 1, 2).
			job(4, saidDone, "w2", 1, 2),
		want: result{Burned: 1, Done: 1, Recoveries: 1, RecoveryMax: time.Second},
	},
	"retried": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).job(2, saidFailed, "w1", 1, 1).
			job(3, saidStart, "w1", 2, 2).job(4, saidDone, "w1", 2, 2),
		want: result{Done: 1},
	},
	"retried, not counted": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).job(2, saidFailed, "w1", 1, 1).
			job(3, saidStart, "w1", 2, 1).job(4, saidDone, "w1", 2, 1),
		want: result{Duplicates: 1, Done: 1},
	},
	"lease lost in time": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).lease(2, "w1").job(2, saidLost, "w1", 1, 1).
			job(3, saidStart, "w2", 1, 1).job(4, saidDone, "w2", 1, 1),
		want: result{Done: 1},
	},
	"lease lost late": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).fault(1.1, 3.5, faultStall, "w1").
			job(3, saidStart, "w2", 1, 1).job(3.4, saidLost, "w1", 1, 1).job(4, saidDone, "w2", 1, 1),
		want: result{Late: 1, Done: 1},
	},
	"done, then killed": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).
			job(2, saidDone, "w1", 1, 1).fault(2.1, 2.1, faultKill, "w1").job(3, saidStart, "w2", 1, 1).
			job(4, saidDone, "w2", 1, 1),
		want: result{Redone: 1, Done: 1},
	},
	"done, then cut off": {
		play: enqueued().fault(0.9, 1.6, faultRedis, "").job(1, saidStart, "w1", 1, 1).job(1.2, saidDone, "w1", 1, 1).
			fault(1.5, 4, faultStop, "w1").job(3, saidStart, "w2", 1, 1).job(4, saidDone, "w2", 1, 1),
		want: result{Redone: 1, Done: 1},
	},
	"done, then cut off for a moment": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).job(1.2, saidDone, "w1", 1, 1).fault(1.5, 1.7, faultStall, "w1").
			job(3, saidStart, "w2", 1, 1).job(4, saidDone, "w2", 1, 1),
		want: result{Duplicates: 1, Done: 1},
	},
	"done, killed long after": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).job(2, saidDone, "w1", 1, 1).fault(9, 9, faultKill, "w1").
			job(10, saidStart, "w2", 1, 1).job(11, saidDone, "w2", 1, 1),
		want: result{Duplicates: 1, Done: 1},
	},
	"confirmed, then killed": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).job(2, saidDone, "w1", 1, 1).
			job(2.1, saidConfirmed, "w1", 0, 1).fault(2.2, 2.2, faultKill, "w1").job(3, saidStart, "w2", 1, 1).
			job(4, saidDone, "w2", 1, 1),
		want: result{Duplicates: 1, Done: 1},
	},
}

const (
	orderCancel  = string(inspect.ActionCancel)
	orderBury    = string(inspect.ActionBury)
	orderRequeue = string(inspect.ActionRequeue)
	orderRunNow  = string(inspect.ActionRunNow)
)

// obediences are short histories of what a person ordered.
var obediences = map[string]verdict{
	"cancelled": {
		play: enqueued().order(1, orderDone, orderCancel), dead: inspect.ReasonByPerson,
		want: result{Cancelled: 1},
	},
	"cancelled by nobody": {
		play: enqueued().job(1, saidStart, "w1", 1, 1), dead: inspect.ReasonByPerson,
		want: result{Wrong: 1, Cancelled: 1},
	},
	"a refused order": {
		play: enqueued().order(1, orderRefused, orderCancel), dead: inspect.ReasonByPerson,
		want: result{Wrong: 1, Cancelled: 1},
	},
	"cancelled, perhaps": {
		play: enqueued().order(1, orderUnknown, orderCancel), dead: inspect.ReasonByPerson,
		want: result{Cancelled: 1},
	},
	"cancelled and gone": {play: enqueued().order(1, orderDone, orderCancel), want: result{Lost: 1}},
	"cancelled and started": {
		play: enqueued().order(1, orderDone, orderCancel).job(4, saidStart, "w1", 1, 1).job(5, saidDone, "w1", 1, 1),
		want: result{Ignored: 1, Done: 1},
	},
	"cancelled in the last moment": {
		play: enqueued().order(1, orderDone, orderCancel).job(2, saidStart, "w1", 1, 1).job(5, saidDone, "w1", 1, 1),
		want: result{Done: 1},
	},
	"cancelled, perhaps, and started": {
		play: enqueued().order(1, orderUnknown, orderCancel).job(4, saidStart, "w1", 1, 1).job(5, saidDone, "w1", 1, 1),
		want: result{Done: 1},
	},
	"cancelled and requeued": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).job(2, saidFailed, "w1", 1, 1).order(2, orderDone, orderCancel).
			order(3, orderDone, orderRequeue).job(5, saidStart, "w1", 2, 1).job(6, saidDone, "w1", 2, 1),
		want: result{Requeued: 1, Done: 1},
	},
	"requeued in vain": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).job(2, saidFailed, "w1", 1, 1).order(2, orderDone, orderCancel).
			order(3, orderRefused, orderRequeue).job(5, saidStart, "w1", 2, 1).job(6, saidDone, "w1", 2, 1),
		want: result{Duplicates: 1, Ignored: 1, Done: 1},
	},
	"requeued with an attempt": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).order(2, orderDone, orderCancel).job(2, saidReleased, "w1", 1, 1).
			order(3, orderDone, orderRequeue).job(5, saidStart, "w1", 2, 2).job(6, saidDone, "w1", 2, 2),
		want: result{Burned: 1, Done: 1},
	},
	"buried, and done": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).order(2, orderDone, orderBury).job(3, saidDone, "w1", 1, 1),
		want: result{Ignored: 1, Done: 1},
	},
	"buried while it runs": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).order(2, orderDone, orderBury).job(3, saidDone, "w1", 1, 1),
		dead: inspect.ReasonByPerson, want: result{Cancelled: 1},
	},
	"done, and dead by a person": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).job(2, saidDone, "w1", 1, 1).job(2.1, saidConfirmed, "w1", 0, 1).
			order(3, orderDone, orderCancel),
		dead: inspect.ReasonByPerson, want: result{Wrong: 1, Cancelled: 1},
	},
	"paused": {
		play: enqueued().order(1, orderDone, orderPause).job(4, saidStart, "w1", 1, 1).job(5, saidDone, "w1", 1, 1),
		want: result{Ignored: 1, Done: 1},
	},
	"paused, perhaps": {
		play: enqueued().order(1, orderUnknown, orderPause).job(4, saidStart, "w1", 1, 1).job(5, saidDone, "w1", 1, 1),
		want: result{Done: 1},
	},
	"resumed": {
		play: enqueued().order(1, orderDone, orderPause).order(3, orderUnknown, orderResume).
			job(4, saidStart, "w1", 1, 1).job(5, saidDone, "w1", 1, 1),
		want: result{Done: 1},
	},
	"killed on a paused queue": {
		play: enqueued().job(1, saidStart, "w1", 1, 1).order(1.5, orderDone, orderPause).fault(2, 2, faultKill, "w1").
			order(8, orderDone, orderResume).job(9, saidStart, "w2", 1, 1).job(10, saidDone, "w2", 1, 1),
		want: result{Done: 1}, // and no recovery
	},
	"early": {
		play: delayedTo(9).job(5, saidStart, "w1", 1, 1).job(6, saidDone, "w1", 1, 1),
		want: result{Wrong: 1, Done: 1},
	},
	"run now": {
		play: delayedTo(9).order(4, orderDone, orderRunNow).job(5, saidStart, "w1", 1, 1).job(6, saidDone, "w1", 1, 1),
		want: result{Done: 1},
	},
	"deaf to the loss of its lease": {
		play: (&play{deaf: true}).job(0, saidEnqueued, "", 0, 0).job(1, saidStart, "w1", 1, 1).lease(2, "w1").
			job(3, saidStart, "w2", 1, 1).job(4, saidLost, "w1", 1, 1).job(5, saidDone, "w2", 1, 1),
		want: result{Late: 1, Done: 1},
	},
	"deaf for no reason": {
		play: (&play{deaf: true}).job(0, saidEnqueued, "", 0, 0).job(1, saidStart, "w1", 1, 1).
			job(3, saidStart, "w2", 1, 1).job(4, saidLost, "w1", 1, 1).job(5, saidDone, "w2", 1, 1),
		want: result{Duplicates: 1, Done: 1},
	},
}

func delayedTo(due float64) *play {
	p := enqueued()
	p.lines[0].Until = at(due)
	return p
}

func TestJudge(t *testing.T) {
	t.Parallel()
	all := maps.Clone(obediences)
	maps.Copy(all, verdicts)
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dead := map[string]inspect.JobInfo{}
			if c.dead != "" {
				dead["id1"] = inspect.JobInfo{ID: "id1", Reason: c.dead}
			}
			j := newJudge(newRecord(c.play.lines), dead, time.Second)
			j.run()
			got := []any{j.Lost, j.Duplicates, j.Burned, j.Wrong, j.Redone, j.Late, j.Done, j.Recoveries, j.RecoveryMax,
				j.Ignored, j.Cancelled, j.Requeued}
			want := []any{
				c.want.Lost, c.want.Duplicates, c.want.Burned, c.want.Wrong, c.want.Redone, c.want.Late, c.want.Done,
				c.want.Recoveries,
				c.want.RecoveryMax, c.want.Ignored, c.want.Cancelled, c.want.Requeued,
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("got %v, want %v (lost duplicates burned wrong redone late done recoveries longest ignored "+
						"cancelled requeued)\n%s", got, want, strings.Join(j.problems, "\n"))
				}
			}
			if offences := c.want.Lost + c.want.Duplicates + c.want.Burned + c.want.Wrong + c.want.Ignored; len(
				j.problems) != offences {
				t.Errorf("%d problems, want %d: %s", len(j.problems), offences, j.problems)
			}
			for _, name := range j.guilty {
				if history := historyOf(j.record, c.play.lines, name); !strings.Contains(history, "enqueued") &&
					!strings.Contains(history, "refused") {
					t.Errorf("the history does not begin with the producer:\n%s", history)
				}
			}
		})
	}
}

func TestProcessesMustEndAsTold(t *testing.T) {
	t.Parallel()
	ended := func(proc string, code int) line { return line{At: at(9), Said: saidEnded, Proc: proc, Code: code} }
	noted := func(proc string) line { return line{At: at(1), Said: saidNoted, Proc: proc} }
	p := new(play).fault(2, 3, faultTerm, "unready").fault(2, 3, faultTerm, "deaf").fault(1, 1, faultKill,
		"killed").fault(2, 3, faultTerm, "told").fault(2, 8, faultTerm, "slow")
	p.lines = append(p.lines, noted("deaf"), ended("unready", -1), ended("deaf", -1), ended("killed", -1),
		ended("told", 0), ended("slow", 0), ended("poisoned", poisonCode),
		line{At: at(4), Said: saidOrder, Order: orderStop, Queue: "orders", Consumer: "sent#abcdef",
			Proc: operatorProc}, ended("sent", 0),
		ended("panicked", 2), ended("vanished", -1), ended("left", 0))
	problems := strings.Join(processProblems(newRecord(p.lines), time.Second), "\n")
	for proc, bad := range map[string]bool{
		"unready": false, "deaf": true, "killed": false, "told": false, "poisoned": false, "sent": false, "slow": true,
		"panicked": true, "vanished": true, "left": true,
	} {
		if strings.Contains(problems, "worker "+proc+" ") != bad {
			t.Errorf("%s: a problem? %v wanted\n%s", proc, bad, problems)
		}
	}
}
