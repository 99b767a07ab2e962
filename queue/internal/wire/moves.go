package wire

import (
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// Bounds of one call that moves many jobs.
const (
	MovesAtOnce    = 100
	MovesBytesMost = 256 << 10 // of what is moved; a single job may have more
)

// Move is how an outcome moves its job.
type Move struct {
	Entry   EntryRef
	HeldFor time.Duration // by the worker
	Epoch   int64         // in which the worker got it
	Cut     bool          // it adds no more than it must: also in a full Redis
}

// Moved is what became of one job of a call for many.
type Moved struct {
	Verdict Verdict
	Err     error
}

// args are those by which scripts that check one job know how it moves, and which job it is.
func (m *Move) args(id string) []any {
	return []any{flag(m.Cut), ownID(id, m.Entry), m.HeldFor.Milliseconds()}
}

// ownID is a job's ID if it is its own, "" if it is the entry's.
func ownID(id string, entry EntryRef) string {
	if id == entry.String() {
		return ""
	}
	return id
}

func flag(set bool) string {
	if set {
		return "1"
	}
	return ""
}

// moves are jobs that move together, of a kind of outcome.
type moves[J any] struct {
	jobs  []J
	at    *Epoch
	move  func(job *J) *Move
	send  func(chosen []int, first, last EntryRef) *redis.Cmd // a call for many
	check func(job *J) (Verdict, error)                       // a call for one
	again Verdict                                             // of a call for many: a call for one must decide
}

// run moves them in one call; those for which it does not do in calls of their own. Each has its own result.
func (m *moves[J]) run() []Moved {
	results := make([]Moved, len(m.jobs))
	together := make([]int, 0, len(m.jobs))
	for i := range m.jobs {
		if !m.isAlone(i) {
			together = append(together, i)
		}
	}
	verdicts, err := m.together(together)
	for n, i := range together {
		if results[i].Err = err; err == nil {
			results[i].Verdict = Verdict(verdicts[n])
		}
	}
	for i := range m.jobs {
		if m.isAlone(i) || errors.Is(results[i].Err, ErrMoved) || results[i].Verdict == m.again {
			results[i].Verdict, results[i].Err = m.check(&m.jobs[i])
		}
	}
	return results
}

// isAlone reports whether a job is a call of its own: another server may have given it to the worker, or it was cut.
func (m *moves[J]) isAlone(i int) bool {
	move := m.move(&m.jobs[i])
	return move.Cut || move.Epoch != m.at.At
}

// together sends the call for many. [ErrMoved] if each must be checked.
func (m *moves[J]) together(chosen []int) ([]int64, error) {
	if len(chosen) == 0 {
		return nil, nil
	}
	entries := make([]EntryRef, len(chosen))
	for n, i := range chosen {
		entries[n] = m.move(&m.jobs[i]).Entry
	}
	first, last := span(entries)
	cmd := m.send(chosen, first, last)
	reply, err := cmd.Result()
	if err != nil {
		return nil, err
	}
	if _, refused := reply.(int64); refused {
		return nil, ErrMoved
	}
	verdicts, err := cmd.Int64Slice()
	if err == nil && len(verdicts) != len(chosen) {
		err = ErrProtocol
	}
	return verdicts, err
}

// span returns the first and the last of some entries.
func span(entries []EntryRef) (first, last EntryRef) {
	var least, most redisx.StreamID
	for n, entry := range entries {
		id, _ := redisx.ParseStreamID(entry.ID)
		if n == 0 || id.Compare(least) < 0 {
			first, least = entry, id
		}
		if n == 0 || id.Compare(most) > 0 {
			last, most = entry, id
		}
	}
	return first, last
}
