package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Audit is what [Inspector.Verify] found. A queue is in order when every Balance is and Missing is empty.
type Audit struct {
	Queue    string    `json:"queue"`
	Balances []Balance `json:"balances"`
	Looked   int64     `json:"looked_at"` // entries and IDs that were held against each other
	Missing  []string  `json:"missing"`   // what is wrong, by ID or key, a hundred at the most
	Evicted  Evictions `json:"evicted"`   // keys that Redis has deleted by itself: what is missing may be among them
}

// Balance holds what went into a place against what came out of it and what is there. The counts change in the same
// atomic step as the jobs, so they must agree to the last job.
type Balance struct {
	Place string `json:"place"`
	In    int64  `json:"in"`
	Out   int64  `json:"out"`
	There int64  `json:"there"`
}

// Lost is how many jobs went in, did not come out, and are not there. Negative: more came out than went in.
func (b Balance) Lost() int64 { return b.In - b.Out - b.There }

// OK reports whether every job is accounted for.
func (a *Audit) OK() bool {
	return len(a.Missing) == 0 && !slices.ContainsFunc(a.Balances, func(b Balance) bool { return b.Lost() != 0 })
}

const maxMissing = 100

func (a *Audit) miss(format string, args ...any) {
	if len(a.Missing) < maxMissing {
		a.Missing = append(a.Missing, fmt.Sprintf(format, args...))
	}
}

// Verify accounts for every job that was ever in a queue. First it balances the books, from one atomic snapshot: what
// was added to the stream, to the delayed and retrying, to the dead and to the cancelled, against what left each and
// what is there. Then it holds the structures against each other: every entry in flight must be in the stream, every
// due time must have its job and every job its due time, every dead or cancelled job must be found by its ID, no two
// of them have the same, and every cron entry must have its next tick. Keys that must be there and are not are named
// too, with what they held when a worker looked last: with a maxmemory-policy other than noeviction Redis deletes them
// when it is full. The second part walks through them in pages; progress, unless nil, is called with how many it has
// looked at. Jobs that move during the walk are looked at again before they count as missing.
func (i *Inspector) Verify(ctx context.Context, queue string, progress func(looked int64)) (Audit, error) {
	audit := Audit{Queue: queue}
	if err := i.verify(ctx, queue, &audit, progress); err != nil {
		return audit, fmt.Errorf("queue: verify %s: %w", queue, err)
	}
	return audit, nil
}

func (i *Inspector) verify(ctx context.Context, queue string, audit *Audit, progress func(looked int64)) error {
	var err error
	if audit.Evicted, err = i.Evictions(ctx); err != nil {
		return err
	}
	q, err := i.find(ctx, queue)
	if errors.Is(err, ErrNotFound) && audit.Evicted.Keys > 0 {
		return fmt.Errorf("%w; %s, and the whole queue may have been among them", err, audit.Evicted)
	}
	if err != nil {
		return err
	}
	if err := i.balance(ctx, q, audit); err != nil {
		return err
	}
	for _, walk := range []func(context.Context, *wire.QueueRef, *Audit, func(int64)) error{
		i.verifyInFlight, i.verifyScheduled, i.verifyBodies,
		i.verifyIndex(StateDead), i.verifyKept(StateDead), i.verifyIndex(StateCancelled), i.verifyKept(StateCancelled),
		i.verifyIndex(StateExpired), i.verifyKept(StateExpired),
		i.verifyCrons, i.verifyCronTimes,
	} {
		if err := walk(ctx, q, audit, progress); err != nil {
			return err
		}
	}
	return nil
}

// balance reads the books in one MULTI. Redis before 7.0 does not count what was added to a stream: the first balance
// is then left out.
func (i *Inspector) balance(ctx context.Context, q *wire.QueueRef, audit *Audit) error {
	tx := i.rdb.TxPipeline()
	var infos []*redis.XInfoStreamCmd
	for _, in := range lanesOf(q) {
		infos = append(infos, tx.XInfoStream(ctx, in.Stream))
	}
	totals := tx.HGetAll(ctx, q.Totals())
	delayed, retrying := tx.ZCard(ctx, q.Delayed()), tx.ZCard(ctx, q.Retrying())
	dead, cancelled := tx.XLen(ctx, q.Dead()), tx.XLen(ctx, q.CancelledJobs())
	expired := tx.XLen(ctx, q.ExpiredJobs())
	workers := tx.Exists(ctx, q.Workers())
	if _, err := tx.Exec(ctx); err != nil && !isNoKey(err) {
		return err
	}
	b := books{totals: totals.Val(), joined: workers.Val() > 0}
	for _, info := range infos {
		b.addStream(info)
	}
	n := func(name string) int64 { return b.total(name) }
	if b.stream != nil && b.stream.EntriesAdded > 0 {
		audit.Balances = append(audit.Balances, Balance{"stream", b.stream.EntriesAdded, b.left(), b.stream.Length})
	}
	if err := i.verifyKeys(ctx, q, &b, audit); err != nil {
		return err
	}
	audit.Balances = append(audit.Balances,
		Balance{
			"delayed and retrying", n("scheduled") + n("retried") + n("snoozed"),
			n("promoted") + n("deleted_scheduled") + n("cancelled_scheduled") + n("cancelled_delayed"),
			delayed.Val() + retrying.Val(),
		},
		Balance{
			"dead", n("dead") + n("cancelled_scheduled"), n("requeued") + n("deleted_dead") + n("expired_dead"), dead.Val(),
		},
		Balance{
			"cancelled", n("cancelled") + n("cancelled_delayed"),
			n("requeued_cancelled") + n("deleted_cancelled") + n("expired_cancelled"), cancelled.Val(),
		},
		Balance{"expired", n("expired"), n("deleted_expired") + n("expired_expired"), expired.Val()})
	return nil
}

// verifyInFlight looks for pending entries that are not in the stream any more: a job that somebody deleted or trimmed
// while it was running.
func (i *Inspector) verifyInFlight(ctx context.Context, q *wire.QueueRef, audit *Audit, progress func(int64)) error {
	for cursor := ""; ; {
		jobs, err := i.chunk(ctx, q, scanSpec{state: StateInFlight}, cursor, chunkJobs)
		if err != nil {
			return err
		}
		for _, job := range jobs.jobs {
			if job.Reason != entryDeleted {
				continue
			}
			still, err := i.isPending(ctx, q, job.Entry)
			if err != nil {
				return err
			}
			if still {
				audit.miss("entry %s is in flight with %s and not in the stream", job.Entry, job.Worker)
			}
		}
		audit.look(jobs.read, progress)
		if cursor = jobs.next; cursor == "" {
			return nil
		}
	}
}

func (a *Audit) look(n int, progress func(int64)) {
	a.Looked += int64(n)
	if progress != nil {
		progress(a.Looked)
	}
}

// pairScan returns one page of names and values, and the cursor of the next.
type pairScan func(ctx context.Context, cursor uint64) (pairs []string, next uint64, err error)

// check asks in a pipeline what decides whether a pair is in order, and answers once the pipeline was executed.
type check func(pipe redis.Pipeliner, name, value string) (wrong func() bool)

// walk checks every pair of a scan, a page in one round trip. A pair that looks wrong is checked again by itself, in
// one atomic step: it may have moved between two of the page's commands.
func (i *Inspector) walk(
	ctx context.Context, audit *Audit, progress func(int64), scan pairScan, check check, complaint string,
) error {
	for cursor := uint64(0); ; {
		pairs, next, err := scan(ctx, cursor)
		if err != nil {
			return err
		}
		pipe := i.rdb.Pipeline()
		wrong := make([]func() bool, 0, len(pairs)/2)
		for n := 0; n < len(pairs); n += 2 {
			wrong = append(wrong, check(pipe, pairs[n], pairs[n+1]))
		}
		if err := execute(ctx, pipe); err != nil {
			return err
		}
		for n, suspect := range wrong {
			if !suspect() {
				continue
			}
			tx := i.rdb.TxPipeline()
			sure := check(tx, pairs[2*n], pairs[2*n+1])
			if err := execute(ctx, tx); err != nil {
				return err
			}
			if sure() {
				audit.miss(complaint, pairs[2*n], pairs[2*n+1])
			}
		}
		audit.look(len(pairs)/2, progress)
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// verifyScheduled looks for due times without a job.
func (i *Inspector) verifyScheduled(ctx context.Context, q *wire.QueueRef, audit *Audit, progress func(int64)) error {
	for _, zset := range []string{q.Delayed(), q.Retrying()} {
		err := i.walk(ctx, audit, progress, func(ctx context.Context, cursor uint64) ([]string, uint64, error) {
			return i.rdb.ZScan(ctx, zset, cursor, "", chunkJobs).Result()
		}, func(pipe redis.Pipeliner, id, _ string) func() bool {
			body, due := pipe.HExists(ctx, q.Bodies(), id), pipe.ZScore(ctx, zset, id)
			return func() bool { return !body.Val() && due.Err() == nil }
		}, "job %s is due at %s and its data is gone")
		if err != nil {
			return err
		}
	}
	return nil
}

// verifyBodies looks for jobs that will never be due.
func (i *Inspector) verifyBodies(ctx context.Context, q *wire.QueueRef, audit *Audit, progress func(int64)) error {
	return i.walk(ctx, audit, progress, func(ctx context.Context, cursor uint64) ([]string, uint64, error) {
		return i.rdb.HScan(ctx, q.Bodies(), cursor, "", chunkJobs).Result()
	}, func(pipe redis.Pipeliner, id, _ string) func() bool {
		body := pipe.HExists(ctx, q.Bodies(), id)
		delayed, retrying := pipe.ZScore(ctx, q.Delayed(), id), pipe.ZScore(ctx, q.Retrying(), id)
		return func() bool { return body.Val() && delayed.Err() != nil && retrying.Err() != nil }
	}, "job %[1]s is neither delayed nor retrying, and its data is still there")
}

// verifyIndex looks for IDs that lead to dead or cancelled jobs that are not there.
func (i *Inspector) verifyIndex(state State) func(context.Context, *wire.QueueRef, *Audit, func(int64)) error {
	return func(ctx context.Context, q *wire.QueueRef, audit *Audit, progress func(int64)) error {
		jobs, index := keptKeys(q, state)
		return i.walk(ctx, audit, progress, func(ctx context.Context, cursor uint64) ([]string, uint64, error) {
			return i.rdb.HScan(ctx, index, cursor, "", chunkJobs).Result()
		}, func(pipe redis.Pipeliner, id, at string) func() bool {
			now, entry := pipe.HGet(ctx, index, id), pipe.XRange(ctx, jobs, at, at)
			return func() bool { return now.Val() == at && len(entry.Val()) == 0 }
		}, string(state)+" job %s is known by its ID, and its entry %s is gone")
	}
}

// verifyKept looks for dead or cancelled jobs that are not found by their IDs, since another one of the same ID is or
// none.
func (i *Inspector) verifyKept(state State) func(context.Context, *wire.QueueRef, *Audit, func(int64)) error {
	return func(ctx context.Context, q *wire.QueueRef, audit *Audit, progress func(int64)) error {
		for cursor, size := "", firstChunk; ; {
			found, err := i.kept(ctx, q, state, cursor, size)
			if err != nil {
				return err
			}
			for _, job := range found.jobs {
				if job.Ref == "" {
					continue
				}
				if err := i.verifyTwin(ctx, q, &job, audit); err != nil {
					return err
				}
			}
			audit.look(found.read, progress)
			if cursor, size = found.next, nextChunk(found); cursor == "" {
				return nil
			}
		}
	}
}

// verifyTwin looks once more, in one step, at a job that its ID does not lead to.
func (i *Inspector) verifyTwin(ctx context.Context, q *wire.QueueRef, job *JobInfo, audit *Audit) error {
	jobs, index := keptKeys(q, job.State)
	tx := i.rdb.TxPipeline()
	at, entry := tx.HGet(ctx, index, job.ID), tx.XRange(ctx, jobs, job.Entry, job.Entry)
	if err := execute(ctx, tx); err != nil {
		return err
	}
	switch {
	case len(entry.Val()) == 0 || at.Val() == job.Entry: // it has gone meanwhile, or come
	case at.Val() == "":
		audit.miss("%s job %s is not found by its ID; its entry is %s", job.State, job.ID, job.Entry)
	default:
		audit.miss("two %s jobs have the ID %s: the entries %s and %s; name them %s:<entry>", job.State, job.ID, at.Val(),
			job.Entry, job.State)
	}
	return nil
}
