package queue

import (
	"sync/atomic"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// outcome is how a run ended, as it is counted.
type outcome int

const (
	outcomeDone outcome = iota
	outcomeFailed
	outcomeSnoozed
	outcomeDead      // besides failed, if there was a run
	outcomeCancelled // likewise
	outcomeExpired   // without a run
	outcomes
)

var outcomeNames = [outcomes]string{"done", "failed", "snoozed", "dead", "cancelled", "expired"}

// counters counts what a worker does with a queue's jobs, kind by kind, until the next heartbeat writes it to Redis.
//
// Why: docs/decisions/engine.md#charts-and-prometheus-read-what-workers-count-in-their-heartbeats
type counters struct {
	kinds       []kindCounters // by kind.index; the last is of unknown kinds
	redelivered atomic.Int64
	reclaimed   atomic.Int64
	leaseLost   atomic.Int64
}

type kindCounters struct {
	name      string
	outcomes  [outcomes]atomic.Int64
	run, wait durations
}

func newCounters(kinds map[string]*kind) *counters {
	m := &counters{kinds: make([]kindCounters, len(kinds)+1)}
	for name, k := range kinds {
		m.kinds[k.index].name = name
	}
	m.kinds[len(kinds)].name = unknownKind
	return m
}

func (m *counters) of(k *kind) *kindCounters {
	if k == nil {
		return &m.kinds[len(m.kinds)-1]
	}
	return &m.kinds[k.index]
}

// ended counts a run and its outcome.
func (t *task) ended(o outcome, took time.Duration) {
	k := t.ses.counters.of(t.kind)
	k.outcomes[o].Add(1)
	k.run.add(took)
}

// waited counts how long a job was ready before its handler began, at its first delivery.
func (t *task) waited(began time.Time) {
	if t.deliveries > 1 {
		t.ses.counters.redelivered.Add(1)
		return
	}
	added, _ := redisx.ParseStreamID(t.entry.ID)
	if wait, known := waitSince(added.Ms, began.UnixMilli()+t.ses.redisAhead.Load()); known {
		t.ses.counters.of(t.kind).wait.add(wait)
	}
}

// firstEntry is before the first release of a Redis that has streams, in Unix ms.
var firstEntry = uint64(time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())

// waitSince returns how long an entry had waited at an instant, by Redis' clock. It is not known of an entry that its
// producer has numbered by itself: an ID such as 7-0 is no time.
func waitSince(added uint64, now int64) (wait time.Duration, known bool) {
	if added < firstEntry || now < 0 || added > 2*uint64(now) {
		return 0, false
	}
	return time.Duration(max(now-int64(added), 0)) * time.Millisecond, true
}

// snapshot is what a heartbeat writes: names and numbers for the hashes of the minute and the hour, of all kinds
// together, and for the hash of all time, kind by kind.
type snapshot struct {
	period, total []any
	giveBack      []func() // each adds a count to its counter again
}

// take empties the counters.
func (m *counters) take() *snapshot {
	c := &snapshot{}
	sums := map[string]int64{}
	var fields []string // of sums, in their order
	add := func(field, kind string, n *atomic.Int64) {
		v := n.Swap(0)
		if v == 0 {
			return
		}
		c.giveBack = append(c.giveBack, func() { n.Add(v) })
		if _, known := sums[field]; !known {
			fields = append(fields, field)
		}
		sums[field] += v
		if kind != "" {
			field += ":" + kind
		}
		c.total = append(c.total, field, v)
	}
	for i := range m.kinds {
		k := &m.kinds[i]
		for o := range k.outcomes {
			add(outcomeNames[o], k.name, &k.outcomes[o])
		}
		k.run.each("run", func(field string, n *atomic.Int64) { add(field, k.name, n) })
		k.wait.each("wait", func(field string, n *atomic.Int64) { add(field, k.name, n) })
	}
	add("redelivered", "", &m.redelivered)
	add("reclaimed", "", &m.reclaimed)
	add("lease_lost", "", &m.leaseLost)
	for _, field := range fields {
		c.period = append(c.period, field, sums[field])
	}
	return c
}

// undo keeps what could not be written for the next heartbeat.
func (c *snapshot) undo() {
	for _, giveBack := range c.giveBack {
		giveBack()
	}
}

// durations is a histogram that many goroutines fill.
type durations struct {
	micros  atomic.Int64
	buckets [wire.Buckets]atomic.Int64
}

func (s *durations) add(d time.Duration) {
	s.micros.Add(d.Microseconds())
	s.buckets[wire.BucketOf(d)].Add(1)
}

func (s *durations) each(name string, visit func(field string, n *atomic.Int64)) {
	visit(name+"_us", &s.micros)
	for k := range s.buckets {
		if s.buckets[k].Load() != 0 { // most are empty: no name is made for them
			visit(wire.BucketField(name, k), &s.buckets[k])
		}
	}
}

// unknownKind is what jobs are counted under whose kind has no handler: any other name would have no bound.
const unknownKind = "~unknown"
