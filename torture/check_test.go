package main

import (
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// play is a ledger written by hand: times in seconds.
type play struct{ lines []line }

func at(seconds float64) int64 { return int64((1000 + seconds) * 1e9) }

func (p *play) fault(from, to float64, name, proc string) *play {
	p.lines = append(p.lines, line{Said: saidFault, Fault: name, Proc: proc, At: at(from), Until: at(to)})
	return p
}

func (p *play) job(when float64, said, proc string, run int64, attempt int) *play {
	p.lines = append(p.lines, line{
		At: at(when), Said: said, Job: "j1", ID: "id1", Kind: "quick", Proc: proc, Consumer: proc + "#a", Run: run, Attempt: attempt,
	})
	return p
}

func (p *play) lease(when float64, proc string) *play {
	p.lines = append(p.lines, line{At: at(when), Said: saidLease, Proc: proc, Consumer: proc + "#a"})
	return p
}

func enqueued() *play { return new(play).job(0, saidEnqueued, "", 0, 0) }

// verdicts are short histories, and what the judge must say of them.
var verdicts = map[string]struct {
	play *play
	dead string
	want result
}{
	"done":        {play: enqueued().job(1, saidStart, "w1", 1, 1).job(2, saidDone, "w1", 1, 1), want: result{Done: 1}},
	"never ran":   {play: enqueued(), want: result{Lost: 1}},
	"started":     {play: enqueued().job(1, saidStart, "w1", 1, 1), want: result{Lost: 1}},
	"wrong grave": {play: enqueued().job(1, saidStart, "w1", 1, 1), dead: queue.ReasonAttempts, want: result{Wrong: 1}},
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

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, c := range verdicts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dead := map[string]queue.JobInfo{}
			if c.dead != "" {
				dead["id1"] = queue.JobInfo{ID: "id1", Reason: c.dead}
			}
			j := newJudge(newRecord(c.play.lines), dead, time.Second)
			j.run()
			got := []any{j.Lost, j.Duplicates, j.Burned, j.Wrong, j.Redone, j.Late, j.Done, j.Recoveries, j.RecoveryMax}
			want := []any{c.want.Lost, c.want.Duplicates, c.want.Burned, c.want.Wrong, c.want.Redone, c.want.Late, c.want.Done, c.want.Recoveries, c.want.RecoveryMax}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("got %v, want %v (lost duplicates burned wrong redone late done recoveries longest)\n%s",
						got, want, strings.Join(j.problems, "\n"))
				}
			}
			if offences := c.want.Lost + c.want.Duplicates + c.want.Burned + c.want.Wrong; len(j.problems) != offences {
				t.Errorf("%d problems, want %d: %s", len(j.problems), offences, j.problems)
			}
			for _, name := range j.guilty {
				if history := tell(j.record, c.play.lines, name); !strings.Contains(history, "enqueued") && !strings.Contains(history, "refused") {
					t.Errorf("the history does not begin with the producer:\n%s", history)
				}
			}
		})
	}
}

func TestProcessesMustEndAsTold(t *testing.T) {
	t.Parallel()
	ended := func(proc string, code int) line { return line{At: at(9), Said: saidEnded, Proc: proc, Code: code} }
	p := new(play).fault(1, 1, faultKill, "killed").fault(2, 3, faultTerm, "told").fault(2, 8, faultTerm, "slow")
	p.lines = append(p.lines, ended("killed", -1), ended("told", 0), ended("slow", 0), ended("poisoned", poisonCode),
		ended("panicked", 2), ended("vanished", -1), ended("left", 0))
	problems := strings.Join(processProblems(newRecord(p.lines), time.Second), "\n")
	for proc, bad := range map[string]bool{
		"killed": false, "told": false, "poisoned": false, "slow": true, "panicked": true, "vanished": true, "left": true,
	} {
		if strings.Contains(problems, "worker "+proc+" ") != bad {
			t.Errorf("%s: a problem? %v wanted\n%s", proc, bad, problems)
		}
	}
}
