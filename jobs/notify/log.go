package notify

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// replayPage is how many entries of a log are read in one round trip, at the most.
const replayPage = 2 * LogLength

//go:embed lua/since.lua
var sinceSource string

var sinceScript = redis.NewScript(sinceSource)

// position is a place in a channel's log: the ID of an entry.
type position struct{ ms, seq uint64 }

func parsePosition(id string) (position, bool) {
	ms, seq, _ := strings.Cut(id, "-")
	first, err1 := strconv.ParseUint(ms, 10, 64)
	second, err2 := strconv.ParseUint(seq, 10, 64)
	return position{first, second}, err1 == nil && err2 == nil
}

func (p position) String() string { return fmt.Sprintf("%d-%d", p.ms, p.seq) }

func (p position) before(other position) bool {
	return p.ms < other.ms || p.ms == other.ms && p.seq < other.seq
}

// logs reads the logs of channels.
type logs struct {
	rdb redis.UniversalClient
}

// replay is what a log has after a place.
type replay struct {
	entries  []entry // oldest first
	more     bool    // there may be more after them
	complete bool    // nothing that was added after the place has gone
	end      position
}

type entry struct {
	at      position
	payload string // without the ID
}

// end is the place after everything that a log has.
func (l logs) end(ctx context.Context, channel string) (position, error) {
	reply, err := l.ask(ctx, channel, "")
	return reply.end(), err
}

// since reads a log after a place.
func (l logs) since(ctx context.Context, channel string, after position) (replay, error) {
	reply, err := l.ask(ctx, channel, after.String())
	if err != nil {
		return replay{}, err
	}
	r := replay{more: len(reply.page) == 2*replayPage, end: reply.end()}
	r.complete = reply.kept(after) && !r.end.before(after) // a place that is yet to come was on a server that lost its data
	for pair := range slices.Chunk(reply.page, 2) {
		if at, ok := parsePosition(pair[0]); ok && len(pair) == 2 {
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

func (a answer) end() position {
	if last, ok := parsePosition(a.last); ok {
		return last
	}
	return position{ms: uint64(max(a.ms, 1)) - 1} // an entry to come may be of this very millisecond
}

// kept reports whether a log still has everything that was added after a place. It has if the place is not before its
// first entry, because entries go from that end alone. It has if it is too short ever to have been trimmed, and the
// place is too young for a log of that time to have ended since.
//
// Why: docs/decisions/features.md#a-log-of-a-hundred-entries-beside-each-channel-for-browsers-that-come-back
func (a answer) kept(after position) bool {
	if first, ok := parsePosition(a.first); ok && !after.before(first) {
		return true
	}
	age := time.Duration(a.ms-int64(after.ms)) * time.Millisecond
	return a.length < LogLength && age < LogFor
}
