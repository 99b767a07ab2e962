package wire

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Registration is a session of a worker, as it stands in Redis.
type Registration struct {
	Worker     string // the worker's name, without what is new in each session
	Host       string
	PID        int
	Slots      int
	Started    time.Time
	Lease      time.Duration
	MaxCrashes int
	Version    string   // of the worker's program
	Kinds      []string // that it has handlers for; nil of a version that did not note them

	// What heartbeats bring.
	Running int        // slots that run jobs of this queue
	Stuck   []EntryRef // whose handlers ignore that their contexts are cancelled
	State   string     // see [WorkerQuiet]
	Holds
}

// Holds is what a session holds and has not started.
type Holds struct {
	Held   int        // jobs
	Oldest EntryRef   // of them; the zero value if there are none
	Runs   []EntryRef // what runs beside them, [MostRuns] at the most; nil if all that it holds runs
}

// MostRuns bounds how many entries a heartbeat lists that run.
const MostRuns = 200

func (r *Registration) fields() []any {
	return []any{
		"worker", r.Worker, "host", r.Host, "pid", strconv.Itoa(r.PID), "slots", r.Slots,
		"started_ms", r.Started.UnixMilli(), "lease_ms", r.Lease.Milliseconds(), "max_crashes", r.MaxCrashes,
		"version", r.Version, "kinds", strings.Join(r.Kinds, " "),
	}
}

// ReadRegistration reads a consumer's registration. One of a version that did not note the worker has it in the name.
func ReadRegistration(consumer string, fields map[string]string) Registration {
	n := func(name string) int64 { return parseInt(fields[name]) }
	r := Registration{
		Worker: fields["worker"], Host: fields["host"], PID: int(n("pid")), Slots: int(n("slots")),
		Started: time.UnixMilli(n("started_ms")).UTC(), Lease: Milliseconds(n("lease_ms")),
		MaxCrashes: int(n("max_crashes")), Version: fields["version"],
		Running: int(n("running")), State: fields["state"],
		Holds: ReadHolds(fields["held"], fields["oldest_held"], fields["runs"]),
	}
	if kinds, noted := fields["kinds"]; noted {
		r.Kinds = append([]string{}, strings.Fields(kinds)...)
	}
	if r.Worker == "" {
		r.Worker, _ = SplitConsumer(consumer)
	}
	r.Stuck = readEntries(fields["stuck"])
	return r
}

// ReadHolds reads the fields held, oldest_held and runs of a registration.
func ReadHolds(held, oldest, runs string) Holds {
	return Holds{Held: int(parseInt(held)), Oldest: EntryRef{ID: oldest}, Runs: readEntries(runs)}
}

func readEntries(text string) (entries []EntryRef) {
	for _, id := range strings.Fields(text) {
		entries = append(entries, EntryRef{ID: id})
	}
	return entries
}

func joinEntries(entries []EntryRef) string {
	ids := make([]string, len(entries))
	for i, entry := range entries {
		ids[i] = entry.ID
	}
	return strings.Join(ids, " ")
}

// EnsureGroup makes a queue's stream and group where they are missing, also in a full Redis.
func EnsureGroup(ctx context.Context, rdb redis.Scripter, q *QueueRef) error {
	return scriptEnsureGroup.Run(ctx, rdb, []string{q.Stream, q.Workers()}, q.Group).Err()
}

// Join registers a session and gives it a lease. It returns whether the queue is paused.
func Join(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, r *Registration,
) (paused bool, err error) {
	args := append([]any{consumer, r.Lease.Milliseconds()}, r.fields()...)
	n, err := scriptJoin.Run(ctx, rdb, []string{q.Workers(), q.Worker(consumer), q.Paused()}, args...).Int()
	return n == 1, err
}

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
	Running   int
	Stuck     []EntryRef
	State     string
	At        time.Time // in which minute and hour the counts are
	Holds     Holds
	Period    []any // names and numbers to add to the minute and the hour
	Total     []any // and to those of all time
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
	Late      []string // consumers whose lease ends later than this one's; for the caretaker

	Behind time.Duration // what Redis' clock is behind what it had reached; for the caretaker

	// Failures says which bookkeeping failed and why. The lease is extended all the same.
	Failures []string
}

// Beat extends a session's lease and writes its counts. [ErrLost] if the session has lost its lease.
func Beat(ctx context.Context, rdb redis.Scripter, q *QueueRef, h *Heartbeat) (r HeartbeatReply, err error) {
	args := []any{
		h.Consumer, h.Lease.Milliseconds(), h.Caretaker.Milliseconds(), q.Group,
		int64(minuteKept.Seconds()), int64(hourKept.Seconds()), h.Running, joinEntries(h.Stuck), h.State,
		h.Holds.Held, h.Holds.Oldest.ID, joinEntries(h.Holds.Runs), LongestTerm.Milliseconds(), len(h.Period),
	}
	args = append(append(args, h.Period...), h.Total...)
	cmd, denied := scriptHeartbeat.run(ctx, rdb, []string{
		q.Workers(), q.Worker(h.Consumer), q.Caretaker(), q.Stream, q.Minute(h.At), q.Hour(h.At), q.Metrics(), q.Paused(),
		q.Cancelled(), q.Totals(),
	}, args...)
	reply, err := cmd.Result()
	if err != nil {
		return r, err
	}
	cells, ok := reply.([]any)
	if !ok || len(cells) != 11 {
		return r, ErrLost
	}
	n := func(cell int) int64 {
		v, _ := cells[cell].(int64)
		return v
	}
	r = HeartbeatReply{
		Caretaker: n(0) == 1, Parked: n(1), Ended: texts(cells[2]), Strays: texts(cells[3]), Now: n(4),
		Paused: n(5) == 1, Cancels: n(6), Behind: Milliseconds(n(10)),
	}
	r.Command, _ = cells[7].(string)
	r.Failures, r.Late = failures(cells[8], denied), texts(cells[9])
	return r, nil
}

// ExtendLease extends a session's lease, and does nothing else that a heartbeat does. [ErrLost] if it has ended.
func ExtendLease(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, lease time.Duration,
) error {
	n, err := scriptExtend.Run(ctx, rdb, []string{q.Workers()}, consumer, lease.Milliseconds()).Int()
	if err == nil && n == 0 {
		return ErrLost
	}
	return err
}

// Leave parks a page of what a session still holds, and deregisters it when nothing is left. It returns how many
// entries it parked: 0 says that the session is gone.
func Leave(ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer, parking string, count int) (int, error) {
	return scriptLeave.Run(ctx, rdb, []string{q.Stream, q.Workers(), q.Worker(consumer), q.Caretaker()},
		q.Group, consumer, count, parking).Int()
}

// ShortenLease shortens a lease that ends further ahead than it can to one that begins now. The length given is for a
// consumer whose own is not known.
func ShortenLease(ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, lease time.Duration) error {
	return scriptShortenLease.Run(ctx, rdb, []string{q.Workers(), q.Worker(consumer)}, consumer,
		lease.Milliseconds()).Err()
}

// Sweep deletes a consumer that holds nothing and has no lease.
func Sweep(ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string) error {
	return scriptSweep.Run(ctx, rdb, []string{q.Stream, q.Workers()}, q.Group, consumer).Err()
}

// Command leaves a command with a worker, which finds it with its next heartbeat. It reports whether there is that
// worker.
func Command(ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer, command, by string) (bool, error) {
	n, err := scriptCommand.Run(ctx, rdb, []string{q.Worker(consumer)}, command, by).Int()
	return n == 1, err
}

// ReadCommand reads a command as [HeartbeatReply] has it: what, when in µs of Redis' clock, and which person.
func ReadCommand(text string) (command string, at int64, by string) {
	words := append(strings.SplitN(text, " ", 3), "", "", "")
	return words[0], parseInt(words[1]), words[2]
}

func parseInt(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}
