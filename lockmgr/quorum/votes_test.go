package quorum

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// count adds one answer for each letter: yes, no or failed.
func count(text string) (v votes) {
	for i, c := range text {
		switch c {
		case 'y':
			v.add(uint64(100+i), nil)
		case 'n':
			v.add(0, nil)
		default:
			v.add(0, errors.New("away"))
		}
	}
	return v
}

func TestVotesAreDecidedWhenTheRestCannotChangeThem(t *testing.T) {
	t.Parallel()
	for text, test := range map[string]struct {
		all     int
		decided bool
	}{
		"": {3, false}, "y": {3, false}, "yn": {3, false}, "yf": {3, false}, "nf": {3, false},
		"yy": {3, true}, "nn": {3, true}, "ff": {3, true}, "ynf": {3, true},
		"yny": {5, false}, "ynyn": {5, false}, "yyff": {5, false}, "yyny": {5, true}, "nnn": {5, true}, "fyff": {5, true},
		"ny": {4, false}, "yyy": {4, true}, "yyn": {4, false}, "nny": {4, true},
	} {
		t.Run(text, func(t *testing.T) {
			v := count(text)
			if got := v.decided(test.all/2+1, test.all); got != test.decided {
				t.Errorf("of %d servers: decided %t, want %t", test.all, got, test.decided)
			}
		})
	}
}

func TestVotesKeepTheGreatestToken(t *testing.T) {
	t.Parallel()
	if v := count("nyfyn"); v.token != 103 || v.yes != 2 || v.no != 2 || v.failed != 1 || len(v.errs) != 1 {
		t.Errorf("got %+v", v)
	}
}

func TestRoundsAreShortAgainstTheTTL(t *testing.T) {
	t.Parallel()
	for ttl, want := range map[time.Duration]time.Duration{
		100 * time.Millisecond: 50 * time.Millisecond,
		time.Second:            200 * time.Millisecond,
		time.Minute:            time.Second,
	} {
		if got := roundTimeout(ttl); got != want {
			t.Errorf("TTL %s: got %s, want %s", ttl, got, want)
		}
	}
}

func TestRequestsAreWaitedForWhileThereAreMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r requests
		r.wait() // nothing is under way
		began := time.Now()
		for i := range 3 {
			r.run(func() { <-time.After(time.Duration(i) * time.Second) })
		}
		for range 2 { // also by two callers one after the other
			r.wait()
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("waited %s, want 2 s", took)
		}
	})
}
