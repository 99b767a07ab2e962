package inspect

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Waiting lists jobs that were not delivered yet, the oldest first.
func (i *Inspector) Waiting(ctx context.Context, queue string, page Page) (JobPage, error) {
	return i.list(ctx, StateWaiting, queue, page)
}

// InFlight lists jobs that were delivered and not acknowledged, the oldest entry first: those that workers hold, and
// those parked under ~orphans and ~released for the next worker with a free slot.
func (i *Inspector) InFlight(ctx context.Context, queue string, page Page) (JobPage, error) {
	return i.list(ctx, StateInFlight, queue, page)
}

// Delayed lists jobs that are due later, the next first. Jobs that become due between two pages are not seen twice.
func (i *Inspector) Delayed(ctx context.Context, queue string, page Page) (JobPage, error) {
	return i.list(ctx, StateDelayed, queue, page)
}

// Retrying lists jobs that wait for their next attempt, the next first.
func (i *Inspector) Retrying(ctx context.Context, queue string, page Page) (JobPage, error) {
	return i.list(ctx, StateRetrying, queue, page)
}

// Dead lists the dead, those that died last at the front.
func (i *Inspector) Dead(ctx context.Context, queue string, page Page) (JobPage, error) {
	return i.list(ctx, StateDead, queue, page)
}

func (i *Inspector) list(ctx context.Context, state State, queue string, page Page) (JobPage, error) {
	p, err := i.find(ctx, queue)
	if err == nil {
		var found SearchPage
		if found, err = i.scan(ctx, p, scanSpec{state: state}, page); err == nil {
			return found.JobPage, nil
		}
	}
	return JobPage{}, fmt.Errorf("queue: list %s jobs of %s: %w", state, queue, err)
}

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
func (i *Inspector) chunk(ctx context.Context, p place, s scanSpec, cursor string, n int) (chunk, error) {
	switch s.state {
	case StateWaiting:
		return i.waiting(ctx, p, s, cursor, n)
	case StateInFlight:
		return i.inFlight(ctx, p, s, cursor, n)
	case StateDead:
		return i.dead(ctx, p, cursor, n)
	case StateDelayed:
		return i.scheduled(ctx, p, p.keys.Delayed(), s.state, cursor, n)
	case StateRetrying:
		return i.scheduled(ctx, p, p.keys.Retrying(), s.state, cursor, n)
	}
	return chunk{}, fmt.Errorf("no list of %q jobs", s.state)
}

// waiting begins behind what has been delivered meanwhile.
func (i *Inspector) waiting(ctx context.Context, p place, s scanSpec, cursor string, n int) (c chunk, err error) {
	after, err := i.lastDelivered(ctx, p)
	if err != nil {
		return c, err
	}
	if cursor != "" && wire.CompareEntries(cursor, after) > 0 {
		after = cursor
	}
	entries, err := i.rdb.XRangeN(ctx, p.keys.Stream, wire.EntryAfter(after), "+", int64(n)).Result()
	for _, e := range entries {
		c.read++
		c.bytes += messageSize(e)
		c.behind(e.ID, n)
		if s.entry == nil || s.entry(e) {
			c.add(p.fromEntry(e, StateWaiting))
		}
	}
	return c, err
}

func (i *Inspector) dead(ctx context.Context, p place, cursor string, n int) (c chunk, err error) {
	start := "+"
	if cursor != "" {
		start = "(" + cursor
	}
	entries, err := i.rdb.XRevRangeN(ctx, p.keys.Dead(), start, "-", int64(n)).Result()
	for _, e := range entries {
		c.bytes += messageSize(e)
		c.add(p.fromDead(e))
		c.read++
		c.behind(e.ID, n)
	}
	return c, err
}

// scheduled lists a zset of due times. Its cursor is "<due>:<job ID>", the last one seen: the list goes on behind it,
// or, if it has gone meanwhile, behind its time.
func (i *Inspector) scheduled(ctx context.Context, p place, zset string, state State, cursor string, n int) (c chunk, err error) {
	rows, err := i.scheduledRows(ctx, zset, cursor, int64(n))
	if err != nil || len(rows) == 0 {
		return c, err
	}
	c.next = formatDue(rows[len(rows)-1].Score) + ":" + rows[len(rows)-1].Member.(string)
	ids := make([]string, len(rows))
	for k, row := range rows {
		ids[k], _ = row.Member.(string)
	}
	bodies, err := i.rdb.HMGet(ctx, p.keys.Bodies(), ids...).Result()
	if err != nil {
		return c, err
	}
	for k, row := range rows {
		if body, ok := bodies[k].(string); ok { // else it was promoted this moment
			c.bytes += len(body) + entryOverhead
			c.add(p.fromBody(ids[k], body, row.Score, state))
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
		rows, err := i.rdb.ZRangeByScoreWithScores(ctx, zset, &redis.ZRangeBy{Min: due, Max: "+inf", Offset: start, Count: n}).Result()
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
