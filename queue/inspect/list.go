package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// chunk is a run of a state's jobs, read in one go.
type chunk struct {
	jobs  []JobInfo
	read  int    // how many were looked at; some were gone or did not match
	bytes int    // of their data, about; 0 if it was not read
	next  string // the cursor behind them; "" at the end
}

func (c *chunk) add(job JobInfo) { c.jobs = append(c.jobs, job) }

// behind notes the cursor behind the last of n that were asked for.
func (c *chunk) behind(cursor string, n int) {
	if c.read == n {
		c.next = cursor
	}
}

// chunk reads up to n jobs of a state behind a cursor.
func (i *Inspector) chunk(ctx context.Context, q *wire.QueueRef, s scanSpec, cursor string, n int) (chunk, error) {
	row := s.state.row()
	if row == nil || row.list == nil {
		return chunk{}, fmt.Errorf("no list of %q jobs", s.state)
	}
	return row.list(i, ctx, q, s, cursor, n)
}

// isAfter reports whether a cursor is behind an entry.
func isAfter(cursor, entry string) bool {
	at, _ := redisx.ParseStreamID(cursor)
	other, _ := redisx.ParseStreamID(entry)
	return at.Compare(other) > 0
}

// waiting begins behind what has been delivered meanwhile.
func (i *Inspector) waiting(
	ctx context.Context, q *wire.QueueRef, s scanSpec, cursor string, n int,
) (c chunk, err error) {
	after, err := i.lastDelivered(ctx, q)
	if err != nil {
		return c, err
	}
	if isAfter(cursor, after) {
		after = cursor
	}
	entries, err := i.rdb.XRangeN(ctx, q.Stream, "("+after, cmp.Or(s.until, "+"), int64(n)).Result()
	for _, e := range entries {
		c.read++
		c.bytes += messageSize(e)
		c.behind(e.ID, n)
		if s.entry == nil || s.entry(e) {
			c.add(fromEntry(q, e, StateWaiting))
		}
	}
	return c, err
}

func (i *Inspector) dead(ctx context.Context, q *wire.QueueRef, _ scanSpec, cursor string, n int) (chunk, error) {
	return i.kept(ctx, q, StateDead, cursor, n)
}

func (i *Inspector) cancelled(ctx context.Context, q *wire.QueueRef, _ scanSpec, cursor string, n int) (chunk, error) {
	return i.kept(ctx, q, StateCancelled, cursor, n)
}

func (i *Inspector) expired(ctx context.Context, q *wire.QueueRef, _ scanSpec, cursor string, n int) (chunk, error) {
	return i.kept(ctx, q, StateExpired, cursor, n)
}

// kept lists the dead, cancelled or expired jobs, the last first. Of several of one ID those that are not found by
// it get a name of their own.
func (i *Inspector) kept(
	ctx context.Context, q *wire.QueueRef, state State, cursor string, n int,
) (c chunk, err error) {
	start := "+"
	if cursor != "" {
		start = "(" + cursor
	}
	jobs, index := keptKeys(q, state)
	entries, err := i.rdb.XRevRangeN(ctx, jobs, start, "-", int64(n)).Result()
	if err != nil || len(entries) == 0 {
		return c, err
	}
	ids := make([]string, len(entries))
	for k, e := range entries {
		c.bytes += messageSize(e)
		c.add(fromKept(q, e, state))
		c.read++
		c.behind(e.ID, n)
		ids[k] = c.jobs[k].ID
	}
	found, err := i.rdb.HMGet(ctx, index, ids...).Result()
	if err != nil {
		return c, err
	}
	for k := range c.jobs {
		if found[k] != c.jobs[k].Entry {
			c.jobs[k].Ref = c.jobs[k].place().String()
		}
	}
	return c, nil
}

// keptKeys are where the dead, cancelled or expired jobs are, and what finds them by their IDs.
func keptKeys(q *wire.QueueRef, state State) (jobs, index string) {
	switch state {
	case StateCancelled:
		return q.CancelledJobs(), q.CancelledIDs()
	case StateExpired:
		return q.ExpiredJobs(), q.ExpiredIDs()
	}
	return q.Dead(), q.DeadIDs()
}

func (i *Inspector) delayed(
	ctx context.Context, q *wire.QueueRef, s scanSpec, cursor string, n int,
) (chunk, error) {
	return i.scheduled(ctx, q, q.Delayed(), s.state, cursor, n)
}

func (i *Inspector) retrying(
	ctx context.Context, q *wire.QueueRef, s scanSpec, cursor string, n int,
) (chunk, error) {
	return i.scheduled(ctx, q, q.Retrying(), s.state, cursor, n)
}

// scheduled lists a zset of due times. Its cursor is "<due>:<job ID>", the last one seen: the list goes on behind it,
// or, if it has gone meanwhile, behind its time.
func (i *Inspector) scheduled(
	ctx context.Context, q *wire.QueueRef, zset string, state State, cursor string, n int,
) (c chunk, err error) {
	rows, err := i.scheduledRows(ctx, zset, cursor, int64(n))
	if err != nil || len(rows) == 0 {
		return c, err
	}
	c.next = formatDue(rows[len(rows)-1].Score) + ":" + rows[len(rows)-1].Member.(string)
	ids := make([]string, len(rows))
	for k, row := range rows {
		ids[k], _ = row.Member.(string)
	}
	bodies, err := i.rdb.HMGet(ctx, q.Bodies(), ids...).Result()
	if err != nil {
		return c, err
	}
	for k, row := range rows {
		if body, ok := bodies[k].(string); ok { // else it was promoted this moment
			c.bytes += len(body) + entryOverhead
			c.add(fromBody(q, ids[k], body, row.Score, state))
		}
	}
	c.read = len(rows)
	return c, nil
}

// scheduledRows reads behind a cursor by the due time, and by rank only among those of the same time: what is promoted
// meanwhile leaves at the front, and would shift all ranks.
func (i *Inspector) scheduledRows(ctx context.Context, zset, cursor string, n int64) ([]redis.Z, error) {
	due, id, _ := strings.Cut(cursor, ":")
	if id == "" {
		return i.rdb.ZRangeWithScores(ctx, zset, 0, n-1).Result()
	}
	tx := i.rdb.TxPipeline()
	rank, score := tx.ZRank(ctx, zset, id), tx.ZScore(ctx, zset, id)
	earlier := tx.ZCount(ctx, zset, "-inf", "("+due)
	if err := execute(ctx, tx); err != nil {
		return nil, err
	}
	start := int64(0)
	if score.Err() == nil && formatDue(score.Val()) == due {
		start = rank.Val() + 1 - earlier.Val()
	}
	for ; ; start += n {
		rows, err := i.rdb.ZRangeByScoreWithScores(ctx, zset,
			&redis.ZRangeBy{Min: due, Max: "+inf", Offset: start, Count: n}).Result()
		full := int64(len(rows)) == n
		rows = slices.DeleteFunc(rows, func(row redis.Z) bool { // if it has gone: those that came before it
			return formatDue(row.Score) == due && row.Member.(string) <= id
		})
		if err != nil || len(rows) > 0 || !full {
			return rows, err
		}
	}
}

func formatDue(score float64) string { return strconv.FormatFloat(score, 'f', -1, 64) }

// entryOverhead is what an entry is besides its fields, about.
const entryOverhead = 100

func messageSize(m redis.XMessage) int {
	size := entryOverhead
	for _, value := range m.Values {
		text, _ := value.(string)
		size += len(text)
	}
	return size
}
