package main

import (
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/simgate"
)

// at is a time of a test's play, in seconds since its beginning.
func at(seconds float64) int64 { return int64((1000 + seconds) * 1e9) }

// play is a calm step of ten seconds in which jobs, starts and a bare client's entries come twenty times a second, and
// what a case adds to it.
func play() *judge {
	j := &judge{
		book: newLedger(), lease: 4 * time.Second, dead: map[string]bool{},
		late: func(int64, int64) time.Duration { return 0 }, without: new(probe).without,
		steps: []*step{{name: "calm", queue: "a", begin: at(0), end: at(10), promoted: at(2)}},
	}
	for n := range 200 {
		when := at(float64(n) / 20)
		j.add(strings.Repeat("j", n+1), when, &run{start: when + 1, end: when + 2, how: endedDone, confirmed: when + 3})
		j.bare = append(j.bare, bareWrite{acked: when, there: true})
	}
	return j
}

// add adds a job that was acknowledged at a time, and its runs.
func (j *judge) add(id string, acked int64, runs ...*run) *entry {
	job := &entry{queue: "a", acked: acked, runs: runs}
	j.book.jobs[id] = job
	where := place{"a", ""}
	j.book.acks[where] = append(j.book.acks[where], acked)
	for _, r := range runs {
		j.book.starts[where] = append(j.book.starts[where], r.start)
	}
	return job
}

// done is a run that Redis knows to be done.
func done(consumer string, from, to float64) *run {
	return &run{consumer: consumer, attempt: 1, start: at(from), end: at(to), how: endedDone, confirmed: at(to) + 1}
}

// ended is a run whose outcome Redis has not acknowledged.
func ended(consumer string, from, to float64, how string) *run {
	return &run{consumer: consumer, attempt: 1, start: at(from), end: at(to), how: how}
}

// lossy makes Redis lose what it acknowledges between two seconds, and the bare client some entries.
func (j *judge) lossy(from, to float64, bare int) *judge {
	j.steps[0].loss = span{at(from), at(to)}
	for n := range bare {
		j.bare[n].there = false
	}
	return j
}

type verdict struct {
	play                            func(*judge)
	lost, doubled, redone, returned int
	want                            string // of the problems; "" is none
}

// verdicts are what the judge must find in a play.
var verdicts = map[string]verdict{
	"calm": {play: func(*judge) {}},
	"lost": {play: func(j *judge) { j.add("x", at(5)) }, lost: 1, want: "job x was acknowledged while Redis lost nothing"},
	"lost after it had begun": {play: func(j *judge) { j.add("x", at(5), ended("w1", 6, 7, endedLost)) }, lost: 1,
		want: "1 of 201 acknowledged jobs are lost"},
	"dead is not lost":         {play: func(j *judge) { j.add("x", at(5)); j.dead["x"] = true }},
	"lost, as a bare client's": {play: func(j *judge) { j.lossy(4, 6, 1).add("x", at(5)) }, lost: 1},
	"lost, when Redis keeps all": {play: func(j *judge) { j.lossy(4, 6, 9).add("x", at(7)) }, lost: 1,
		want: "while Redis lost nothing"},
	"more lost than a bare client's": {play: func(j *judge) {
		for _, id := range []string{"1", "2", "3", "4", "5"} {
			j.lossy(4, 6, 1).add(id, at(5))
		}
	}, lost: 5, want: "5 of 205 acknowledged jobs are lost; the bare client lost 1 of 200, so at most 3"},
	"lost with a copy": {play: func(j *judge) { j.lossy(4, 6, 9).add("x", at(5)).durable = true }, lost: 1,
		want: "1 jobs are lost of which a replica was said to have a copy"},
	"two at once": {play: func(j *judge) { j.add("x", at(5), done("w1", 5, 7), done("w2", 6, 8)) }, doubled: 1,
		want: "was started by w2 while w1 was running it"},
	"two at once, the third start": {play: func(j *judge) {
		j.add("x", at(3), done("w1", 3, 9), ended("w2", 4, 5, endedReleased), done("w3", 6, 7))
	}, doubled: 2, want: "was started by w3 while w1 was running it"},
	"again after it was done": {play: func(j *judge) { j.add("x", at(5), done("w1", 5, 6), done("w2", 8, 9)) }, doubled: 1,
		want: "after Redis had acknowledged to w1"},
	"again though it has its lease": {play: func(j *judge) {
		j.add("x", at(5), ended("w1", 5, 6, endedDone), done("w2", 7, 8))
	}, doubled: 1, want: "with its lease"},
	"again after its lease": {play: func(j *judge) {
		j.add("x", at(2), ended("w1", 2, 3, endedDone), done("w2", 6.5, 7))
	}, returned: 1},
	"again after a lost lease": {play: func(j *judge) {
		j.add("x", at(5), ended("w1", 5, 6, endedDone), done("w2", 7, 8))
		j.book.leases["w1"] = at(6.5)
	}, returned: 1},
	"again as its context ended": {play: func(j *judge) {
		j.add("x", at(5), ended("w1", 5, 6, endedLost), done("w2", 7, 8))
	}, returned: 1},
	"the next attempt": {play: func(j *judge) {
		next := done("w2", 6.1, 7)
		next.attempt = 2
		j.add("x", at(5), ended("w1", 5, 6, endedFailed), next)
	}},
	"an outcome that Redis lost": {play: func(j *judge) {
		j.lossy(5.5, 6.5, 1).add("x", at(2), done("w1", 2, 6), done("w2", 8, 9))
	}, redone: 1},
	"a delivery that Redis lost": {play: func(j *judge) {
		j.lossy(4.5, 5.5, 1).add("x", at(2), done("w1", 5, 9), done("w2", 6, 7))
	}, redone: 1},
	"two at once, begun before the loss": {play: func(j *judge) {
		j.lossy(5, 6, 9).add("x", at(2), done("w1", 3, 9), done("w2", 7, 8))
	}, doubled: 1, want: "1 starts are doubled"},
	"more redone than Redis lost": {play: func(j *judge) {
		j.lossy(5.5, 6.5, 0)
		for _, id := range []string{"1", "2", "3", "4", "5"} {
			j.add(id, at(2), done("w1", 2, 6), done("w2", 8, 9))
		}
	}, redone: 5, want: "5 starts are redone"},
	"on the near side": {play: func(j *judge) {
		j.lossy(0, 0, 1).steps[0].nearLoss = span{at(5), at(9)}
		j.steps[0].loss = span{at(5), at(5)}
		lone := done("w1", 6, 7)
		lone.side = near
		j.add("x", at(2), lone, done("w2", 8, 9))
	}, redone: 1},
	"on the far side": {play: func(j *judge) {
		j.steps[0].nearLoss = span{at(5), at(9)}
		j.add("x", at(2), done("w1", 6, 7), done("w2", 8, 9))
	}, doubled: 1, want: "1 starts are doubled"},
	"doubled in two halves": {play: func(j *judge) {
		j.steps[0].divided = true
		j.add("x", at(5), done("w1", 5, 7), done("w2", 6, 8))
	}, doubled: 1},
	"nothing acknowledged": {play: func(j *judge) { j.book = newLedger() }, want: "nothing is shown"},
	"no yardstick":         {play: func(j *judge) { j.bare = nil }, want: "nothing is shown"},
	"memory":               {play: func(j *judge) { j.steps[0].grown = fullMost + 1 }, want: "a full Redis has grown"},
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, test := range verdicts {
		j := play()
		test.play(j)
		r := j.rows()[0]
		if r.Lost != test.lost || r.Doubled != test.doubled || r.Redone != test.redone || r.Redelivered != test.returned {
			t.Errorf("%s: %d lost, %d doubled, %d redone, %d redelivered", name, r.Lost, r.Doubled, r.Redone, r.Redelivered)
		}
		problems := strings.Join(r.Problems, "\n")
		if (problems == "") != (test.want == "") || !strings.Contains(problems, test.want) {
			t.Errorf("%s: want %q in %q", name, test.want, problems)
		}
	}
}

func TestSilence(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		gapFrom, gapTo float64 // no acknowledgement and no start
		after          time.Duration
		held           bool
	}{
		"before the promotion":   {0.5, 1.9, 100 * time.Millisecond, true},
		"soon after it":          {0.5, 2.9, 900 * time.Millisecond, true},
		"late after it":          {0.5, 3.5, 1500 * time.Millisecond, false},
		"later":                  {5.02, 6.22, 1250 * time.Millisecond, false},
		"to the end of the step": {8.5, 11, 1500 * time.Millisecond, false},
	} {
		j := play()
		gone := func(times map[place][]int64) {
			var left []int64
			for _, when := range times[place{"a", ""}] {
				if when < at(test.gapFrom) || when > at(test.gapTo) {
					left = append(left, when)
				}
			}
			times[place{"a", ""}] = left
		}
		gone(j.book.acks)
		gone(j.book.starts)
		r := j.rows()[0]
		for what, s := range map[string]silence{"acks": r.Acks, "starts": r.Starts} {
			if d := s.After - test.after; d < -60*time.Millisecond || d > 60*time.Millisecond {
				t.Errorf("%s: %s were silent for %s after the promotion, want about %s", name, what, s.After, test.after)
			}
			if s.P50 > 60*time.Millisecond || s.Max < s.After {
				t.Errorf("%s: %s: p50 %s, max %s", name, what, s.P50, s.Max)
			}
		}
		if held := len(r.Problems) == 0; held != test.held {
			t.Errorf("%s: held %t: %q", name, held, r.Problems)
		}
	}
}

// A machine that was late itself is not Redis', nor the library's.
func TestSilenceOfALoadedMachine(t *testing.T) {
	t.Parallel()
	j := play()
	j.late = func(from, to int64) time.Duration { return time.Duration(to - from) }
	j.book.acks[place{"a", ""}] = j.book.acks[place{"a", ""}][:100] // nothing after five seconds
	if r := j.rows()[0]; len(r.Problems) > 0 || r.Late != 8*time.Second {
		t.Errorf("late for %s: %q", r.Late, r.Problems)
	}
}

func TestRoundsAreAdded(t *testing.T) {
	t.Parallel()
	bad := play()
	bad.add("x", at(5))
	bad.book.starts[place{"a", ""}] = bad.book.starts[place{"a", ""}][:100]
	var r report
	for _, j := range []*judge{play(), bad} {
		r.take("here", j.rows(), &aside{Where: "here"})
	}
	if len(r.Rows) != 1 || r.Rows[0].Times != 2 || r.Rows[0].Acked != 401 || r.Rows[0].Lost != 1 || len(r.Problems) == 0 ||
		r.Rows[0].Starts.After < 4*time.Second {
		t.Errorf("%+v, %q", r.Rows[0], r.Problems)
	}
	var out strings.Builder
	if err := r.print(&out, false); err != nil || !strings.Contains(out.String(), "verdict: FAILED") {
		t.Errorf("%v: %s", err, out.String())
	}
}

func TestLocksAreJudged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		play func(*judge)
		held bool
	}{
		"calm":          {func(*judge) {}, false},
		"Redis lost it": {func(j *judge) { j.lossy(4, 6, 0) }, true},
		"clock":         {func(j *judge) { j.steps[0].clock = true }, true},
	} {
		j := play()
		test.play(j)
		a, l := &aside{}, &locks{taken: 2, twice: []int64{at(5)}}
		l.judge(a, j)
		if held := len(a.Problems) == 0; held != test.held || a.LocksTwice != 1 {
			t.Errorf("%s: held %t: %q", name, held, a.Problems)
		}
	}
}

func TestShopIsJudged(t *testing.T) {
	t.Parallel()
	gateway, err := simgate.NewServer(simgate.Simulation{})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{
		gateway: gateway, service: payment.New(redistest.New(t).Client(t), nil, nil), ordered: map[string]bool{"o-1": true},
		asked: []payment.Charge{{OrderID: "o-1", Cents: 5}, {OrderID: "o-2", Cents: 6}},
	}
	a := &aside{}
	s.judge(t.Context(), a)
	if text := strings.Join(a.Problems, "\n"); !strings.Contains(text, "order o-1 was not charged") ||
		strings.Contains(text, "o-2") || !strings.Contains(text, "nothing is shown") {
		t.Errorf("%q", a.Problems)
	}
}

func TestDashboardIsJudged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		looks []look
		want  string // "" is right
	}{
		"right": {[]look{seen(1, true, 0), seen(8, false, 160)}, ""},
		"too few": {[]look{seen(1, true, 0), seen(8, false, 80)},
			"showed 80 done jobs of queue a, of which there were 100 to 160"},
		"too many":       {[]look{seen(1, true, 0), seen(8, false, 170)}, "showed 170 done jobs"},
		"never a banner": {[]look{seen(8, false, 160)}, "nothing is shown"},
		"away for good":  {[]look{seen(8, false, 160), seen(9, true, 0)}, "at the end the dashboard does not show"},
		"away too long": {[]look{seen(3, true, 0), seen(7.5, true, 0), seen(8, false, 160)},
			"was away for 4.5s"},
		"read slowly": {[]look{seen(1, true, 0), {span: span{at(7), at(7.4)}, shows: true, done: map[string]int64{"a": 140}},
			seen(9.5, false, 126)}, ""},
		"too few, read slowly": {[]look{seen(1, true, 0), {span: span{at(7), at(7.4)}, shows: true, done: map[string]int64{
			"a": 140}}, seen(9.5, false, 110)}, "showed 110 done jobs"},
		"no banner": {[]look{seen(1, true, 0), seen(5.5, false, 110)}, "showed no banner in step"},
	} {
		j := play()
		for n := range 200 {
			when := at(float64(n) / 20)
			j.book.noted["a"], j.book.done["a"] = append(j.book.noted["a"], when), append(j.book.done["a"], when)
		}
		j.steps[0].away = span{at(2), at(6)}
		a := &aside{}
		w := &watch{pages: test.looks, numbers: test.looks}
		w.judge(a, j, []string{"a"}, nil)
		text := strings.Join(a.Problems, "\n")
		if (text == "") != (test.want == "") || !strings.Contains(text, test.want) {
			t.Errorf("%s: want %q in %q", name, test.want, text)
		}
	}
}

// seen is a look at the dashboard.
func seen(when float64, banner bool, done int64) look {
	return look{span: span{at(when), at(when)}, shows: !banner, done: map[string]int64{"a": done}}
}
