package analytics

import (
	"sync"

	"github.com/navvy-go/navvy/queue"
)

const (
	marksAtOnce = 2000   // taken away by one call
	marksMost   = 50_000 // remembered of a day; of the rest Redis remembers them until they expire
	daysMost    = 32     // with marks that are remembered
)

// guard is a mark in Redis, and the run whose acknowledgement makes it useless.
type guard struct {
	mark string
	run  *queue.Run
}

// marks remembers which marks this process has left in Redis. Those of acknowledged jobs go with the next batch of
// their day; the zero value is ready.
//
// Why: docs/decisions/features.md#an-events-mark-lives-as-long-as-its-job
type marks struct {
	mu   sync.Mutex
	days map[period][]guard
}

// spent takes out marks of a day whose jobs were acknowledged.
func (m *marks) spent(day period) (spent []guard) {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := m.days[day][:0]
	for _, g := range m.days[day] {
		if len(spent) < marksAtOnce && g.run.Acknowledged() {
			spent = append(spent, g)
		} else {
			kept = append(kept, g)
		}
	}
	clear(m.days[day][len(kept):])
	if len(kept) > 0 {
		m.days[day] = kept
	} else {
		delete(m.days, day)
	}
	return spent
}

// keep remembers the marks of a batch's members.
func (m *marks) keep(day period, batch []countable, members []int) {
	guards := make([]guard, 0, len(members))
	for _, i := range members {
		if batch[i].run != nil && !batch[i].event.Counted {
			guards = append(guards, guard{batch[i].mark, batch[i].run})
		}
	}
	m.giveBack(day, guards)
}

// giveBack remembers marks, again if they could not be taken away.
func (m *marks) giveBack(day period, guards []guard) {
	if len(guards) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.days == nil {
		m.days = map[period][]guard{}
	}
	for other := range m.days {
		if len(m.days) >= daysMost && other != day {
			delete(m.days, other)
		}
	}
	all := append(m.days[day], guards...)
	m.days[day] = all[max(0, len(all)-marksMost):]
}
