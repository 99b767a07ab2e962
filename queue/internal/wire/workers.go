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
	Crons      []string // the cron entries that it declares on this queue

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
	fields := []any{
		"worker", r.Worker, "host", r.Host, "pid", strconv.Itoa(r.PID), "slots", r.Slots,
		"started_ms", r.Started.UnixMilli(), "lease_ms", r.Lease.Milliseconds(), "max_crashes", r.MaxCrashes,
		"version", r.Version, "kinds", strings.Join(r.Kinds, " "),
	}
	if len(r.Crons) > 0 {
		fields = append(fields, "crons", strings.Join(r.Crons, " "))
	}
	return fields
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
	r.Crons = strings.Fields(fields["crons"])
	if r.Worker == "" {
		r.Worker, _ = SplitConsumer(consumer)
	}
	r.Stuck = readEntries(fields["stuck"])
	return r
}

// ReadHolds reads the fields held, oldest_held and runs of a registration.
func ReadHolds(held, oldest, runs string) Holds {
	return Holds{Held: int(parseInt(held)), Oldest: ParseEntryRef(oldest), Runs: readEntries(runs)}
}

func readEntries(text string) (entries []EntryRef) {
	for _, id := range strings.Fields(text) {
		entries = append(entries, ParseEntryRef(id))
	}
	return entries
}

func joinEntries(entries []EntryRef) string {
	ids := make([]string, len(entries))
	for i, entry := range entries {
		ids[i] = entry.String()
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
	keys, args := joinArguments(q, consumer, r)
	n, err := scriptJoin.Run(ctx, rdb, keys, args...).Int()
	return n == 1, err
}

// JoinIn is Join in a pipeline to one server, of which the first call brings the script. The reply is 1 if the queue is
// paused.
func JoinIn(
	ctx context.Context, pipe redis.Pipeliner, q *QueueRef, consumer string, r *Registration, first bool,
) *redis.Cmd {
	keys, args := joinArguments(q, consumer, r)
	if first {
		return scriptJoin.Eval(ctx, pipe, keys, args...)
	}
	return scriptJoin.EvalSha(ctx, pipe, keys, args...)
}

func joinArguments(q *QueueRef, consumer string, r *Registration) (keys []string, args []any) {
	return []string{q.Workers(), q.Worker(consumer), q.Paused()},
		append([]any{consumer, r.Lease.Milliseconds()}, r.fields()...)
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
