package wire

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// How long the counts of a minute and of an hour are kept.
const (
	minuteKept = 26 * time.Hour     // the charts of a day
	hourKept   = 8 * 24 * time.Hour // the charts of a week
)

// LongestTerm is how long a worker is the caretaker without another heartbeat, at the most.
const LongestTerm = 3 * time.Second

// Heartbeat is what a session writes with a heartbeat.
type Heartbeat struct {
	Consumer  string
	Lease     time.Duration
	Caretaker time.Duration // how long it is then caretaker
	At        time.Time     // in which minute and hour the counts are
	Clock     Clock
	Brief     bool     // leaves out what the caretaker counts
	Cron      bool     // asks for cron entries too
	Lanes     bool     // asks whether the queue has jobs in other lanes than the normal one, or had
	Fields    []string // of the registration, names and values: those of [HeartbeatFields], or none if they are as before
	Period    []any    // names and numbers to add to the minute and the hour
	Total     []any    // and to those of all time
}

// HeartbeatFields are what a heartbeat notes in a session's registration.
func HeartbeatFields(running int, stuck []EntryRef, state string, holds Holds) []string {
	return []string{
		"running", strconv.Itoa(running), "stuck", joinEntries(stuck), "state", state, "held", strconv.Itoa(holds.Held),
		"oldest_held", holds.Oldest.String(), "runs", joinEntries(holds.Runs),
	}
}

// HeartbeatReply is what comes back with a heartbeat.
type HeartbeatReply struct {
	Caretaker bool     // this worker does the chores
	Parked    int64    // entries
	Ended     []string // consumers whose lease has ended; for the caretaker
	Strays    []string // consumers that hold entries and never had a lease; for the caretaker
	Now       int64    // Redis' clock, ms
	Paused    bool
	Cancels   int64    // cancellations that no worker has applied yet
	Command   string   // the last one to this worker by a person
	Late      []string // consumers whose lease ends later than this one's; for the caretaker, unless it was brief

	// Behind is what Redis' clock is behind what it had reached; for the caretaker, unless it was brief.
	Behind time.Duration

	// NextDue is in how long the next delayed or retrying job is due, negative if none is; for the caretaker.
	NextDue time.Duration

	// NextCron is in how long the next cron entry is due, negative if it is overdue. It counts if HasCron is set.
	NextCron time.Duration
	HasCron  bool

	HasLanes bool // there are or were jobs in other lanes than the normal one

	Brief bool // as the heartbeat was

	// Failures says which bookkeeping failed and why. The lease is extended all the same.
	Failures []string
}

// QueueBeat is a heartbeat of a session to its queue, and what came of it.
type QueueBeat struct {
	Queue     *QueueRef
	Heartbeat Heartbeat
	Reply     HeartbeatReply
	Err       error // [ErrLost] if the session has lost its lease
}

// Beat extends a session's lease and writes its counts. [ErrLost] if the session has lost its lease.
func Beat(ctx context.Context, rdb redis.Scripter, q *QueueRef, h *Heartbeat) (HeartbeatReply, error) {
	beat := []QueueBeat{{Queue: q, Heartbeat: *h}}
	keys, args := beatArguments(beat)
	cmd, denied := scriptHeartbeat.run(ctx, rdb, keys, args...)
	readBeats(cmd, denied, beat)
	return beat[0].Reply, beat[0].Err
}

// BeatAll does for many queues of one server what Beat does for one. Each has its own outcome. Lease, term and clock
// are those of the first.
func BeatAll(ctx context.Context, rdb redis.Scripter, beats []QueueBeat) {
	if len(beats) > 1 {
		keys, args := beatArguments(beats)
		cmd := scriptHeartbeat.Script.Run(ctx, rdb, keys, args...)
		if !redis.HasErrorPrefix(cmd.Err(), "NOPERM") {
			readBeats(cmd, nil, beats)
			return
		}
	}
	for i := range beats { // one of them lacks a right
		beats[i].Reply, beats[i].Err = Beat(ctx, rdb, beats[i].Queue, &beats[i].Heartbeat)
	}
}

func beatArguments(beats []QueueBeat) (keys []string, args []any) {
	first := &beats[0].Heartbeat
	keys = make([]string, 0, 15*len(beats))
	args = append(make([]any, 0, 6+24*len(beats)),
		first.Lease.Milliseconds(), first.Caretaker.Milliseconds(), LongestTerm.Milliseconds(),
		int64(minuteKept.Seconds()), int64(hourKept.Seconds()), first.Clock.arg(first.Clock.Own.UnixMilli()))
	for i := range beats {
		q, h := beats[i].Queue, &beats[i].Heartbeat
		keys = append(keys, q.Workers(), q.Worker(h.Consumer), q.Caretaker(), q.Stream, q.Paused(), q.Cancelled(),
			q.Delayed(), q.Retrying(), q.Metrics(), q.Minute(h.At), q.Hour(h.At), q.Totals())
		if h.Cron {
			keys = append(keys, q.CronNext())
		} else {
			keys = append(keys, keys[0]) // left out
		}
		if h.Lanes {
			keys = append(keys, q.laneStream(HighLane), q.laneStream(LowLane))
		} else {
			keys = append(keys, keys[0], keys[0])
		}
		brief := ""
		if h.Brief {
			brief = "1"
		}
		args = append(args, 5+len(h.Fields)+len(h.Period)+len(h.Total), h.Consumer, q.Group, brief, len(h.Fields),
			len(h.Period))
		for _, field := range h.Fields {
			args = append(args, field)
		}
		args = append(append(args, h.Period...), h.Total...)
	}
	return keys, args
}

// readBeats reads the reply for each queue.
func readBeats(cmd *redis.Cmd, denied error, beats []QueueBeat) {
	replies, err := cmd.Slice()
	if err == nil && len(replies) != len(beats) {
		err = ErrProtocol
	}
	for i := range beats {
		if beats[i].Err = err; err == nil {
			beats[i].Reply, beats[i].Err = readBeat(replies[i], denied)
		}
	}
}

// scriptError is an error of Redis that a script has met, as the client library knows them.
type scriptError string

func (e scriptError) Error() string { return string(e) }

// RedisError makes it a redis.Error.
func (scriptError) RedisError() {}

func readBeat(reply any, denied error) (r HeartbeatReply, err error) {
	if text, failed := reply.(string); failed {
		return r, scriptError(text)
	}
	cells, ok := reply.([]any)
	if !ok || len(cells) != 14 {
		return r, ErrLost
	}
	n := func(cell int) int64 {
		v, _ := cells[cell].(int64)
		return v
	}
	r = HeartbeatReply{
		Caretaker: n(0) == 1, Parked: n(1), Ended: texts(cells[2]), Strays: texts(cells[3]), Now: n(4),
		Paused: n(5) == 1, Cancels: n(6), Behind: Milliseconds(n(10)), NextDue: -1,
	}
	if n(11) >= 0 {
		r.NextDue = Milliseconds(n(11))
	}
	if cron, ok := cells[12].(int64); ok {
		r.HasCron, r.NextCron = true, time.Duration(min(max(cron, -maxMS), maxMS))*time.Millisecond
	}
	r.HasLanes = n(13) == 1
	r.Command, _ = cells[7].(string)
	r.Failures, r.Late = failures(cells[8], denied), texts(cells[9])
	return r, nil
}
