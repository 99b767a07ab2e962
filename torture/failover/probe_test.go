package main

import (
	"testing"
	"time"
)

// While no master takes a write nothing can be acknowledged; what is silent beyond that counts.
func TestSilenceWithoutAMasterDoesNotCount(t *testing.T) {
	t.Parallel()
	s := &step{begin: at(0), end: at(10), promoted: at(2)}
	p := &probe{away: []span{{at(1), at(3)}, {at(4), at(7)}}}
	for name, c := range map[string]struct {
		times []int64
		want  time.Duration
	}{
		"it ends with the outage":   {[]int64{at(2.5), at(4), at(7.2), at(8), at(9), at(9.8)}, time.Second},
		"it goes on after that":     {[]int64{at(3.5), at(9), at(9.5)}, 2500 * time.Millisecond},
		"nothing until the end":     {nil, 4 * time.Second},
		"part of it was an outage":  {[]int64{at(3), at(4.5), at(6.5), at(7), at(7.5), at(8), at(9)}, time.Second},
		"it begins in the outage":   {[]int64{at(2.9), at(3), at(4), at(5), at(8.5), at(9.3)}, 1500 * time.Millisecond},
		"before the promotion only": {[]int64{at(2), at(3), at(4), at(7), at(8), at(9)}, time.Second},
	} {
		if got := silenceOf(c.times, s, p.without).After; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// The Sentinels promoted a second replica: what the first one took may be lost, too.
func TestLossesReachOverFurtherPromotions(t *testing.T) {
	t.Parallel()
	p := &probe{changes: []int64{at(-1), at(2), at(4), at(20)}}
	once := &step{begin: at(0), end: at(3), loss: span{at(1), at(2.5)}}
	twice := &step{begin: at(0), end: at(10), loss: span{at(1), at(2.5)}}
	calm := &step{begin: at(15), end: at(25)}
	none := &step{begin: at(5), end: at(10)}
	for _, s := range []*step{once, twice, calm, none} {
		p.widen(s)
	}
	if once.loss.to != at(2.5) || twice.loss != (span{at(1), at(5)}) || calm.loss != (span{at(18), at(21)}) ||
		none.loss.to != 0 {
		t.Errorf("got %+v, %+v, %+v, %+v", once.loss, twice.loss, calm.loss, none.loss)
	}
}

// A run began in one step in which Redis may lose writes. The next one lost its outcome, which was acknowledged.
func TestARunIsRedoneByTheStepThatLostItsOutcome(t *testing.T) {
	t.Parallel()
	j := play()
	j.steps = []*step{
		{name: "frozen", queue: "a", begin: at(0), end: at(5), loss: span{at(1), at(2)}},
		{name: "divided", queue: "a", begin: at(5), end: at(20), loss: span{at(5), at(8)}},
	}
	j.add("again", at(1.4), done("w1", 1.5, 5.5), done("w2", 12, 12.1))
	j.add("delivered", at(1.4), done("w1", 1.5, 3), done("w2", 4, 4.1))
	if rows := j.rows(); rows[0].Redone != 1 || rows[1].Redone != 1 || rows[1].Doubled != 0 {
		t.Errorf("redone %d and %d, doubled %d", rows[0].Redone, rows[1].Redone, rows[1].Doubled)
	}
}
