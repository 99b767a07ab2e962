package wire

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Record is what is kept of a done job.
type Record struct {
	Move
	Guarded                                    bool // its ID was chosen
	ID, Kind, Worker, Unique, Trace, RequestID string
	Data, Result                               []byte // Result nil: none
	Attempt, Redelivered                       int
	EnqueuedAt, EndedAt                        time.Time
	Took                                       time.Duration
	Progress                                   *Progress // nil: none was recorded in this run
	Keep                                       time.Duration
}

// AckRetain acknowledges entries and keeps a record of each job for a while, of [MovesAtOnce] at the most.
func AckRetain(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, records []Record, at *Epoch,
) []Moved {
	m := moves[Record]{jobs: records, at: at, move: func(r *Record) *Move { return &r.Move }, again: VerdictOther}
	m.send = func(chosen []int, first, last EntryRef) *redis.Cmd {
		keys := append(make([]string, 0, 5+len(chosen)), q.Stream, q.Totals(), q.Worker(consumer), q.Stream, q.Stream)
		args := append(make([]any, 0, 5+4*len(chosen)), q.Group, consumer, at, first.ID, last.ID)
		for _, i := range chosen {
			r := &records[i]
			if keys = append(keys, q.Result(r.ID)); r.Guarded {
				keys[3], keys[4] = q.IDs(), q.IDsEnds()
			}
			args = append(args, &r.Entry.ID, r.keepMS(), r.encode(), r.chosenID())
		}
		return scriptAckRetain.Run(ctx, rdb, keys, args...)
	}
	m.check = func(r *Record) (Verdict, error) { return r.check(ctx, rdb, q, consumer) }
	return m.run()
}

func (r *Record) check(ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string) (Verdict, error) {
	keys := []string{q.Stream, q.Totals(), q.Result(r.ID), q.Result(r.Entry.String())}
	if r.Guarded {
		keys = append(keys, q.IDs(), q.IDsEnds())
	}
	args := append([]any{q.Group, consumer, r.Entry.ID, r.keepMS(), r.encode(), r.chosenID()}, r.args(r.ID)...)
	n, err := scriptKeepChecked.Run(ctx, rdb, keys, args...).Int()
	return Verdict(n), err
}

func (r *Record) chosenID() string {
	if r.Guarded {
		return r.ID
	}
	return ""
}

// keepMS is how long to keep it: one that Redis refuses would keep all from being acknowledged.
func (r *Record) keepMS() int64 { return min(max(r.Keep, time.Millisecond), maxWindow).Milliseconds() }

// recordHead is what stands before a job's data in its record.
type recordHead struct {
	Entry       string    `json:"entry"`
	Kind        string    `json:"kind"`
	Attempt     int       `json:"attempt"`
	Worker      string    `json:"worker"`
	Redelivered int       `json:"redelivered,omitempty"`
	EnqueuedAt  int64     `json:"enqueued_ms"`
	EndedAt     int64     `json:"ended_ms"`
	Took        int64     `json:"took_us"`
	Unique      string    `json:"unique,omitempty"`
	Trace       string    `json:"trace,omitempty"`
	RequestID   string    `json:"request_id,omitempty"`
	Progress    *Progress `json:"progress,omitempty"`
}

// encode frames a record as "<len ID> <len head> <len data> <ID><head><data><result>".
func (r *Record) encode() []byte {
	head, _ := json.Marshal(recordHead{ // numbers, strings and times of our own: cannot fail
		Entry: r.Entry.String(), Kind: r.Kind, Attempt: r.Attempt, Worker: r.Worker, Redelivered: r.Redelivered,
		EnqueuedAt: r.EnqueuedAt.UnixMilli(), EndedAt: r.EndedAt.UnixMilli(), Took: r.Took.Microseconds(),
		Unique: r.Unique, Trace: r.Trace, RequestID: r.RequestID, Progress: r.Progress,
	})
	text := make([]byte, 0, len(r.ID)+len(head)+len(r.Data)+len(r.Result)+20)
	for _, n := range []int{len(r.ID), len(head), len(r.Data)} {
		text = append(strconv.AppendInt(text, int64(n), 10), ' ')
	}
	text = append(append(text, r.ID...), head...)
	return append(append(text, r.Data...), r.Result...)
}

// DecodeRecord reads what is kept of a done job: from its result and from the hash that has its progress, where workers
// before 0.2 have kept all. It returns the fields as those did; none has ended_ms if the job has not ended.
func DecodeRecord(result string, hash map[string]string) map[string]string {
	record, ok := decodeResult(result)
	if !ok {
		return hash
	}
	if record["progress"] == "" && hash["entry"] == record["entry"] {
		record["progress"] = hash["progress"]
	}
	return record
}

func decodeResult(text string) (map[string]string, bool) {
	var parts [3]string // ID, head, data
	var sizes [3]int
	rest, all := text, 0
	for n := range sizes {
		number, behind, found := strings.Cut(rest, " ")
		size, err := strconv.Atoi(number)
		if !found || err != nil || size < 0 || size > len(text) {
			return nil, false
		}
		sizes[n], rest, all = size, behind, all+size
	}
	if all > len(rest) {
		return nil, false
	}
	for n, size := range sizes {
		parts[n], rest = rest[:size], rest[size:]
	}
	var head recordHead
	if json.Unmarshal([]byte(parts[1]), &head) != nil {
		return nil, false
	}
	record := map[string]string{
		FieldID: parts[0], "entry": head.Entry, "kind": head.Kind, "data": parts[2], "worker": head.Worker,
		"unique": head.Unique, "trace": head.Trace, "request_id": head.RequestID, "result": rest,
	}
	for name, n := range map[string]int64{
		"attempt": int64(head.Attempt), "redelivered": int64(head.Redelivered), "enqueued_ms": head.EnqueuedAt,
		"ended_ms": head.EndedAt, "took_us": head.Took,
	} {
		record[name] = strconv.FormatInt(n, 10)
	}
	if head.Progress != nil {
		progress, _ := json.Marshal(head.Progress)
		record["progress"] = string(progress)
	}
	return record, true
}
