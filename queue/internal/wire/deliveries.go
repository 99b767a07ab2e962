package wire

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Delivery is an entry that a worker has got otherwise than by a read.
type Delivery struct {
	Entry      Entry
	Deliveries int
	Crashes    int // how many are to its blame
	Suspicion  Suspicion
	Cancelled  string // the attribution of its cancellation, see [DecodeAttribution]; "" if there is none
}

// Suspicion is how likely a job is to crash its worker, by the workers that have died with it.
type Suspicion int

// The degrees of suspicion.
const (
	NotSuspect    Suspicion = iota
	Suspect                 // a worker has died with it, whether its handler had begun or not
	StrongSuspect           // its handler was running in two that died
	PrimeSuspect            // in more
	LastChance              // it may be dead after one more crash
)

// Claim is what a worker may take of the parked entries.
type Claim struct {
	Consumer    string
	Count       int           // at the most
	MaxCrashes  int           // as many make a job dead
	Strong      int64         // how many strong suspects may be taken
	Primes      int64         // and how many prime ones, 0 or 1
	LastChances int64         // and how many that may be dead after one more crash, 0 or 1
	BuryAfter   time.Duration // how long a job that has crashed enough workers waits before it is taken
	Bytes       int           // that they may have; the first may have more
}

// ClaimParked takes parked entries: those that were handed back first. [ErrLost] if the worker has lost its lease.
func ClaimParked(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, c Claim, intern func([]byte) string,
) ([]Delivery, error) {
	reply, err := scriptClaim.Run(ctx, rdb,
		[]string{q.Stream, q.Worker(c.Consumer), q.Crashed(), q.Cancelled()},
		q.Group, c.Consumer, c.Count, c.MaxCrashes, max(c.Strong, 0), max(c.Primes, 0), max(c.LastChances, 0),
		c.Bytes, c.BuryAfter.Milliseconds()).Result()
	if err != nil {
		return nil, err
	}
	if _, lost := reply.(int64); lost {
		return nil, ErrLost
	}
	return q.readDeliveries(reply, intern)
}

// PendingOf lists a page of the entries that are pending for a consumer, without what is in them: those behind one of
// them, all if that is the zero value. A page with less than count is the last.
func PendingOf(
	ctx context.Context, rdb redis.Cmdable, q *QueueRef, consumer string, behind EntryRef, count int,
) ([]EntryRef, error) {
	rows, err := rdb.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: q.Stream, Group: q.Group, Start: after(behind), End: "+", Count: int64(count), Consumer: consumer,
	}).Result()
	entries := make([]EntryRef, len(rows))
	for i, row := range rows {
		entries[i] = EntryRef{ID: row.ID, Lane: q.Lane}
	}
	return entries, err
}

// after is where a page behind an entry begins.
func after(behind EntryRef) string {
	if behind.ID == "" {
		return "-"
	}
	return "(" + behind.ID
}

// Adopt returns those entries of a worker that are still pending for it, as many as have so many bytes, the first in
// any case; and how many of the entries it has looked at for that.
func Adopt(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, entries []EntryRef, bytes, maxCrashes int,
	intern func([]byte) string,
) (found []Delivery, looked int, err error) {
	args := []any{q.Group, consumer, bytes, maxCrashes}
	for _, entry := range entries {
		args = append(args, entry.ID)
	}
	reply, err := scriptAdopt.Run(ctx, rdb, []string{q.Stream, q.Crashed(), q.Cancelled()}, args...).Slice()
	if err != nil {
		return nil, 0, err
	}
	if len(reply) != 2 {
		return nil, 0, fmt.Errorf("%w: %d cells", ErrProtocol, len(reply))
	}
	n, _ := reply[0].(int64)
	found, err = q.readDeliveries(reply[1], intern)
	return found, int(n), err
}

// Weigh returns how many bytes an entry has that is pending for a worker; -1 if it is not, or is no more.
func Weigh(ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, entry EntryRef) (int, error) {
	return scriptWeigh.Run(ctx, rdb, []string{q.Stream}, q.Group, consumer, entry.ID).Int()
}

// readDeliveries reads rows of {entry, deliveries, fields, crashes, suspicion, cancellation}.
func (q *QueueRef) readDeliveries(reply any, intern func([]byte) string) ([]Delivery, error) {
	rows, ok := reply.([]any)
	if !ok {
		return nil, fmt.Errorf("%w: %T", ErrProtocol, reply)
	}
	found := make([]Delivery, 0, len(rows))
	for _, row := range rows {
		cells, _ := row.([]any)
		if len(cells) != 6 {
			return nil, fmt.Errorf("%w: a row of %d cells", ErrProtocol, len(cells))
		}
		id, _ := cells[0].(string)
		deliveries, _ := cells[1].(int64)
		values, _ := cells[2].([]any)
		crashes, _ := cells[3].(int64)
		suspicion, _ := cells[4].(int64)
		d := Delivery{Entry: DecodeEntry([]byte(id), readPairs(values), q.Kind, intern, nil), Deliveries: int(deliveries),
			Crashes: int(crashes), Suspicion: Suspicion(suspicion)}
		d.Entry.SetLane(q.Lane)
		d.Cancelled, _ = cells[5].(string)
		found = append(found, d)
	}
	return found, nil
}

// SizeOf is about how many bytes a reply with deliveries had.
func SizeOf(found []Delivery) (bytes int) {
	for i := range found {
		bytes += len(found[i].Entry.Data)
	}
	return bytes
}

func readPairs(values []any) []Pair {
	fields := make([]Pair, 0, len(values)/2)
	for i := 0; i+1 < len(values); i += 2 {
		name, _ := values[i].(string)
		value, _ := values[i+1].(string)
		fields = append(fields, Pair{Name: []byte(name), Value: []byte(value)})
	}
	return fields
}

// Reclaim is a page of what a consumer holds that is gone.
type Reclaim struct {
	Consumer string
	Count    int           // entries to look at
	Idle     time.Duration // how long an entry must be idle: 0 for a consumer that had a lease
	Behind   EntryRef      // the page begins behind it; the zero value for the first
	Blame    string        // what the page before has found to be to blame; "" for the first
}

// Reclaimed is what became of a page.
type Reclaimed struct {
	Parked   int64
	Last     EntryRef // behind which the next page begins; the zero value at the end
	Alive    bool     // the consumer has a lease after all: nothing was parked
	Blame    string   // since when it had its lease, and which of its jobs are to blame: prime suspects, all, or none
	Failures []string // which bookkeeping failed, and why
}

// ReclaimEntries parks a page of a consumer's entries.
func ReclaimEntries(ctx context.Context, rdb redis.Scripter, q *QueueRef, r Reclaim) (Reclaimed, error) {
	cmd, denied := scriptReclaim.run(ctx, rdb, []string{q.Stream, q.Workers(), q.Worker(r.Consumer), q.Crashed()},
		q.Group, r.Consumer, r.Count, r.Idle.Milliseconds(), int64(CrashedKept.Seconds()), after(r.Behind), r.Blame)
	reply, err := cmd.Result()
	if err != nil {
		return Reclaimed{}, err
	}
	cells, ok := reply.([]any)
	if !ok || len(cells) != 4 {
		return Reclaimed{Alive: true}, nil
	}
	page := Reclaimed{Failures: failures(cells[2], denied)}
	page.Parked, _ = cells[0].(int64)
	if last, _ := cells[1].(string); last != "" {
		page.Last = EntryRef{ID: last, Lane: q.Lane}
	}
	page.Blame, _ = cells[3].(string)
	return page, nil
}

// ReleaseOrphan parks an entry whose consumer is gone. [VerdictHeld] if its worker lives.
func ReleaseOrphan(ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, entry EntryRef) VerdictCmd {
	in := q.In(entry.Lane)
	return VerdictCmd{scriptReleaseOrphan.Eval(ctx, rdb,
		[]string{in.Stream, in.Workers(), in.Worker(consumer), in.Crashed()},
		q.Group, consumer, entry.ID, int64(CrashedKept.Seconds()))}
}
