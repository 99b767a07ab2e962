package wire

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Begin notes that a worker runs entries of which a crash is noted, before their handlers begin, and which prime
// suspects it runs then: none if no such one begins. It returns which bookkeeping failed; [ErrLost] if the worker has
// lost its lease.
func Begin(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, primes, entries []EntryRef,
) ([]string, error) {
	names := make([]string, len(primes))
	for i, entry := range primes {
		names[i] = entry.ID
	}
	args := []any{consumer, strings.Join(names, " ")}
	for _, entry := range entries {
		args = append(args, entry.ID)
	}
	cmd, denied := scriptBegin.run(ctx, rdb, []string{q.Worker(consumer), q.Crashed()}, args...)
	reply, err := cmd.Result()
	if err != nil {
		return nil, err
	}
	if _, lost := reply.(int64); lost {
		return nil, ErrLost
	}
	return failures(reply, denied), nil
}

// Absolve takes a worker that has come back out of the notes of crashes. It returns which bookkeeping failed.
func Absolve(ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string) ([]string, error) {
	const page = 500
	for cursor := any("0"); ; {
		cmd, denied := scriptAbsolve.run(ctx, rdb, []string{q.Worker(consumer), q.Crashed()}, consumer, cursor, page)
		cells, err := cmd.Slice()
		if err != nil {
			return nil, err
		}
		if len(cells) != 2 {
			return nil, ErrProtocol
		}
		if cursor = cells[0]; cursor == "0" {
			return failures(cells[1], denied), nil
		}
	}
}

// CrashedWorkers lists the workers that are named in the note of an entry's crashes.
func CrashedWorkers(note string) []string {
	names := strings.Fields(note)
	for i, name := range names {
		names[i] = strings.TrimPrefix(strings.TrimPrefix(name, heldBy), lateBy)
	}
	return names
}

// Crashes is how many crashes a job is to blame for by its note, as read_blame in prelude.lua counts them: the first,
// of which it is not known whether the job's handler had begun, counts if there is another one, and of those that came
// late, where others died too, five count as one.
func Crashes(note string) int {
	held, late, blamed := 0, 0, 0
	for _, name := range strings.Fields(note) {
		switch {
		case strings.HasPrefix(name, lateBy):
			late++
		case strings.HasPrefix(name, heldBy):
			held = 1
		default:
			blamed++
		}
	}
	if blamed += late / 5; blamed == 0 {
		return 0
	}
	return blamed + held
}

// BeganField is the field beside an entry's note of crashes: when and in which worker its handler has begun since.
func BeganField(entry EntryRef) string { return entry.ID + ":began" }

// What marks the workers in a note of crashes that may have died of something else.
const (
	heldBy = "#held:"
	lateBy = "#late:"
)
