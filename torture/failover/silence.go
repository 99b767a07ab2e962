package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// silence is for how long nothing of a kind happened.
type silence struct {
	P50   time.Duration `json:"p50_ns"`
	Max   time.Duration `json:"max_ns"`
	After time.Duration `json:"max_after_promotion_ns"`
	gaps  []time.Duration
	began time.Duration // the longest after the promotion, since then
}

// silenceOf measures a step's silences, from the times at which something happened, in their order. Those after the
// promotion do not count while no master took a write.
func silenceOf(times []int64, s *step, without func(from, to int64) time.Duration) silence {
	var all silence
	last := s.begin
	gap := func(to int64) {
		all.gaps = append(all.gaps, time.Duration(to-last))
		if to > s.promoted {
			if after := without(max(last, s.promoted), to); after > all.After {
				all.After, all.began = after, time.Duration(max(last, s.promoted)-max(s.begin, s.promoted))
			}
		}
		last = to
	}
	for _, at := range times {
		if at > s.begin && at < s.end {
			gap(at)
		}
	}
	gap(s.end)
	all.sum()
	return all
}

func (a *silence) sum() {
	slices.Sort(a.gaps)
	a.P50, a.Max = a.gaps[len(a.gaps)/2], a.gaps[len(a.gaps)-1]
}

// add joins the silences of the same step of another round.
func (a *silence) add(b silence) {
	a.gaps = append(a.gaps, b.gaps...)
	a.After = max(a.After, b.After)
	a.sum()
}

// silences measures those of a row. While the network is divided, what happens on the near side is not taken for life.
func (j *judge) silences(r *row, s *step) {
	times := func(of map[place][]int64) []int64 {
		all := slices.Clone(of[place{s.queue, ""}])
		if s.nearLoss.to == 0 {
			all = append(all, of[place{s.queue, near}]...)
		}
		slices.Sort(all)
		return all
	}
	from := max(s.begin, s.promoted)
	if away := time.Duration(s.end-from) - j.without(from, s.end); away > 0 {
		r.Note = strings.TrimSpace(r.Note + " no master took writes for " + ms(away).String())
	}
	r.Acks, r.Starts = silenceOf(times(j.book.acks), s, j.without), silenceOf(times(j.book.starts), s, j.without)
}

// ticker notes how late this machine is: a loop that should come round every few milliseconds comes later when all
// processors are busy with others.
type ticker struct {
	mu   sync.Mutex
	late []lateness
}

type lateness struct {
	at   int64
	long time.Duration
}

const tickEvery = 10 * time.Millisecond

func (t *ticker) run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		at := time.Now()
		if long := at.Sub(last) - tickEvery; long > tickEvery {
			t.mu.Lock()
			t.late = append(t.late, lateness{at.UnixNano(), long})
			t.mu.Unlock()
		}
		last = at
	}
}

// worst is the longest that the machine was late between two times.
func (t *ticker) worst(from, to int64) (worst time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.late {
		if from <= l.at && l.at <= to {
			worst = max(worst, l.long)
		}
	}
	return worst
}
