package notify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// replayPage is how many entries of a log are read in one round trip, at the most.
const replayPage = 2 * LogLength

// logs reads the logs of channels.
type logs struct {
	rdb redis.UniversalClient
}

// replay is what a log has after a place.
type replay struct {
	entries  []entry // oldest first
	more     bool    // there may be more after them
	complete bool    // nothing that was added after the place has gone
	end      redisx.StreamID
}

type entry struct {
	at      redisx.StreamID
	payload string // without the ID
}

// end is the place after everything that a log has.
func (l logs) end(ctx context.Context, channel string) (redisx.StreamID, error) {
	reply, err := l.ask(ctx, channel, "")
	return reply.end(), err
}

// since reads a log after a place.
func (l logs) since(ctx context.Context, channel string, after redisx.StreamID) (replay, error) {
	place := after.String()
	if after.Next() == after {
		place = "" // nothing can be after the greatest of all, and Redis refuses to look
	}
	reply, err := l.ask(ctx, channel, place)
	if err != nil {
		return replay{}, err
	}
	r := replay{more: len(reply.page) == 2*replayPage, end: reply.end()}
	// A place that is yet to come was on a server that lost its data.
	r.complete = reply.kept(after) && r.end.Compare(after) >= 0
	for pair := range slices.Chunk(reply.page, 2) {
		if at, ok := redisx.ParseStreamID(pair[0]); ok && len(pair) == 2 {
			r.entries = append(r.entries, entry{at, pair[1]})
		}
	}
	return r, nil
}

// answer is the script's reply.
type answer struct {
	ms, length  int64
	first, last string
	page        []string
}

func (l logs) ask(ctx context.Context, channel, after string) (answer, error) {
	fail := func(err error) (answer, error) {
		return answer{}, fmt.Errorf("notify: read the log of %s: %w", channel, err)
	}
	reply, err := sinceScript.Run(ctx, l.rdb, []string{logKey(channel)}, after, replayPage).Slice()
	if err != nil {
		return fail(err)
	}
	if len(reply) < 4 {
		return fail(fmt.Errorf("reply of %d elements", len(reply)))
	}
	var a answer
	a.ms, _ = reply[0].(int64)
	a.length, _ = reply[1].(int64)
	a.first, _ = reply[2].(string)
	a.last, _ = reply[3].(string)
	for _, element := range reply[4:] {
		text, _ := element.(string)
		a.page = append(a.page, text)
	}
	return a, nil
}

func (a answer) end() redisx.StreamID {
	if last, ok := redisx.ParseStreamID(a.last); ok {
		return last
	}
	return redisx.StreamID{Ms: uint64(max(a.ms, 1)) - 1} // an entry to come may be of this very millisecond
}

// kept reports whether a log still has everything that was added after a place. It has if the place is not before its
// first entry, because entries go from that end alone. It has if it is too short ever to have been trimmed, and the
// place is too young for a log of that time to have ended since.
//
// Why: docs/decisions/features.md#a-log-of-a-hundred-entries-beside-each-channel-for-browsers-that-come-back
func (a answer) kept(after redisx.StreamID) bool {
	if first, ok := redisx.ParseStreamID(a.first); ok && after.Compare(first) >= 0 {
		return true
	}
	age := time.Duration(a.ms-int64(after.Ms)) * time.Millisecond
	return a.length < LogLength && age < LogFor
}
