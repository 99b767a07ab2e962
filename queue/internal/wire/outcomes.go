package wire

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Done is an entry that is done.
type Done struct {
	Entry    *EntryRef
	ChosenID *string // of a job whose ID was chosen; else nil
}

// Ack acknowledges and deletes done entries of a worker. It returns those that were, all of them as long as the worker
// is registered, and whether it is. [ErrMoved] if this may be another server than the worker got them from.
func Ack(ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, done []Done, at *Epoch) (
	registered bool, acked []string, err error,
) {
	keys := []string{q.Stream, q.Worker(consumer), q.Totals()}
	args := make([]any, 4, len(done)+4)
	args[0], args[1], args[2], args[3] = q.Group, consumer, 0, at
	args = appendDone(args, done)
	if args[2] != 0 {
		keys = append(keys, q.IDs(), q.IDsEnds())
	}
	reply, err := scriptAck.Run(ctx, rdb, keys, args...).Result()
	if err != nil {
		return false, nil, err
	}
	switch n := reply.(type) {
	case []any:
		return false, texts(reply), nil
	case int64:
		if n < 0 {
			return false, nil, ErrMoved
		}
	}
	return true, nil, nil
}

// appendDone counts the chosen IDs in args[2], and adds them, their entries, and the other entries. Each is a pointer:
// no copy to the heap.
func appendDone(args []any, done []Done) []any {
	chosen := 0
	for _, d := range done {
		if d.ChosenID != nil {
			args, chosen = append(args, d.ChosenID), chosen+1
		}
	}
	args[2] = chosen
	for _, d := range done {
		if chosen > 0 && d.ChosenID != nil {
			args = append(args, &d.Entry.ID)
		}
	}
	for _, d := range done {
		if d.ChosenID == nil {
			args = append(args, &d.Entry.ID)
		}
	}
	return args
}

// AckChecked acknowledges done entries of which each is held against its job first. It returns whether the worker is
// registered, which entries were acknowledged, and which are other jobs' by now.
func AckChecked(ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, done []DoneJob) (
	registered bool, acked, others []string, err error,
) {
	args := append(make([]any, 0, 2+4*len(done)), q.Group, consumer)
	for _, d := range done {
		args = append(args, d.Entry.ID, ownID(d.ID, d.Entry), d.HeldFor.Milliseconds(), flag(d.Chosen))
	}
	keys := []string{q.Stream, q.Worker(consumer), q.Totals(), q.IDs(), q.IDsEnds()}
	cells, err := scriptAckChecked.Run(ctx, rdb, keys, args...).Slice()
	if err != nil {
		return false, nil, nil, err
	}
	if len(cells) != 3 {
		return false, nil, nil, ErrProtocol
	}
	return cells[0] == int64(1), texts(cells[1]), texts(cells[2]), nil
}

// DoneJob is a done entry with its job.
type DoneJob struct {
	Entry   EntryRef
	ID      string // of the job
	HeldFor time.Duration
	Chosen  bool // the ID was chosen
}

// Ended is a state of jobs that have ended and are kept for a person.
type Ended string

// The states of such jobs, which are also the names of what counts them.
const (
	EndedDead      Ended = "dead"
	EndedCancelled Ended = "cancelled"
	EndedExpired   Ended = "expired"
)

// keys returns where such jobs are, and what finds them by their IDs.
func (e Ended) keys(q *QueueRef) (jobs, ids string) {
	switch e {
	case EndedCancelled:
		return q.CancelledJobs(), q.CancelledIDs()
	case EndedExpired:
		return q.ExpiredJobs(), q.ExpiredIDs()
	}
	return q.Dead(), q.DeadIDs()
}

// Death is a job as it stands among the dead or cancelled.
type Death struct {
	Move
	ID, Kind, Error, Reason, Worker string
	Data                            []byte
	Meta                            Meta
	At                              time.Time
}

func (d *Death) fields() []any {
	job := []any{FieldID, d.ID, FieldKind, d.Kind, FieldData, d.Data, FieldMeta, d.Meta.Encode()}
	return append(job, d.cause()...)
}

func (d *Death) cause() []any {
	return []any{"error", d.Error, "reason", d.Reason, "worker", d.Worker, "died_ms", d.At.UnixMilli()}
}

// ReadDeath reads an entry of the dead.
func ReadDeath(entry redis.XMessage) (e Entry, d Death) {
	text := func(name string) string {
		value, _ := entry.Values[name].(string)
		return value
	}
	d = Death{
		ID: text(FieldID), Kind: text(FieldKind), Data: []byte(text(FieldData)),
		Error: text("error"), Reason: text("reason"), Worker: text("worker"), At: time.UnixMilli(parseInt(text("died_ms"))),
	}
	e = Entry{Ref: EntryRef{ID: entry.ID}, ID: d.ID, Kind: d.Kind, Data: d.Data}
	e.Meta, _ = DecodeMeta([]byte(text(FieldMeta)))
	d.Meta = *e.Meta
	return e, d
}

// Bury moves a job from a worker to the dead or cancelled, and sets its unique key free.
func Bury(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, d *Death,
) (Verdict, error) {
	to := EndedDead
	if d.Reason == ReasonByPerson {
		to = EndedCancelled
	}
	jobs, ids := to.keys(q)
	keys := []string{q.Stream, jobs, ids, q.Totals(), q.IDs()}
	if d.Meta.Unique != "" {
		keys = append(keys, q.Unique(d.Meta.Unique))
	}
	args := append([]any{q.Group, consumer, d.Entry.ID, d.ID, string(to)}, d.args(d.ID)...)
	args = append(args, d.fields()...)
	n, err := scriptBury.Run(ctx, rdb, keys, args...).Int()
	return Verdict(n), err
}

// BuryUnread moves a job to the dead that its worker cannot receive: its ID, kind, data and meta go there inside Redis,
// and those of d do not count. It returns the ID and the kind. [ErrNotHeld] if the job is not the worker's any more.
func BuryUnread(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, entry EntryRef, d *Death,
) (id, kind string, err error) {
	args := append([]any{q.Group, consumer, entry.ID, q.Kind, q.Unique("")}, d.cause()...)
	reply, err := scriptBuryUnread.Run(ctx, rdb, []string{q.Stream, q.Dead(), q.DeadIDs(), q.Totals(), q.IDs()},
		args...).Result()
	if err != nil {
		return "", "", err
	}
	if job := texts(reply); len(job) == 2 {
		return job[0], job[1], nil
	}
	return "", "", ErrNotHeld
}

// Handback parks entries of a worker, [MovesAtOnce] at the most, under one of the pseudo-consumers.
func Handback(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer, parking string, entries []EntryRef,
) error {
	first, last := span(entries)
	args := []any{q.Group, consumer, parking, first.ID, last.ID}
	for _, entry := range entries {
		args = append(args, entry.ID)
	}
	return scriptHandback.Run(ctx, rdb, []string{q.Stream}, args...).Err()
}
