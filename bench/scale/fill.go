package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// backlog is what there is in a queue.
type backlog struct {
	queue                                      string
	waiting, inFlight, delayed, retrying, dead int
	workers                                    int // that hold what is in flight, the same number each
	gone                                       int // of them, without a lease
}

// backlogs are the queues of the measurement: nearly everything is in one.
func backlogs(scale float64) []backlog {
	n := func(at int) int { return int(math.Round(float64(at) * scale)) }
	return []backlog{
		{"orders", n(9_900_000), n(95_000), n(900_000), n(90_000), n(990_000), 95, 5},
		{"mails", n(100_000), n(5_000), n(10_000), 0, n(10_000), 5, 0},
		{"reports", 20, 3, 5, 2, 7, 1, 0},
	}
}

func (b backlog) key(suffix string) string { return "navvy:{" + b.queue + "}" + suffix }

// consumer is the name of one of the workers that hold what is in flight.
func (b backlog) consumer(k int) string { return fmt.Sprintf("box-%d-%s#1", k, b.queue) }

// fill puts a backlog into Redis in the forms that navvy writes. The workers' leases last as long as the measurement.
func fill(ctx context.Context, rdb *redis.Client, address string, b backlog) error {
	w, err := dialWire(ctx, address)
	if err != nil {
		return err
	}
	m, now := newMaker(), time.Now()
	w.command("HSET", "navvy:queues", b.queue, "{}")
	b.fillStream(w, m, now)
	b.fillLater(w, m, now, ":delayed", b.delayed, "")
	b.fillLater(w, m, now, ":retrying", b.retrying,
		`{"attempt":2,"error":"dial tcp 10.0.0.1:5432: connect: connection refused"}`)
	b.fillDead(w, m, now)
	b.fillStats(w, m, now)
	if err := w.close(); err != nil {
		return err
	}
	if err := b.deliver(ctx, rdb); err != nil {
		return err
	}
	return b.check(ctx, rdb)
}

// fillStream adds what waits and what will be in flight, over the last day.
func (b backlog) fillStream(w *wire, m *maker, now time.Time) {
	n := b.waiting + b.inFlight
	for k := range n {
		at, entry := spread(now, 24*time.Hour, k, n)
		s := m.job(at)
		w.command("XADD", b.key(""), entry, "id", s.id, "kind", s.kind, "data", s.data)
	}
}

// fillLater adds jobs that are due within a day, none in the next hour.
func (b backlog) fillLater(w *wire, m *maker, now time.Time, zset string, n int, meta string) {
	for k := range n {
		s := m.job(now.Add(-time.Duration(k) * time.Millisecond))
		due := now.Add(time.Hour).UnixMilli() + m.rand.Int64N((23 * time.Hour).Milliseconds())
		w.command("HSET", b.key(":bodies"), s.id, s.body(meta))
		w.command("ZADD", b.key(zset), strconv.FormatInt(due, 10), s.id)
	}
}

// fillDead adds what died in the last week.
func (b backlog) fillDead(w *wire, m *maker, now time.Time) {
	for k := range b.dead {
		at, entry := spread(now, 7*24*time.Hour, k, b.dead)
		s := m.job(at.Add(-time.Minute))
		w.command("XADD", b.key(":dead"), entry, "id", s.id, "kind", s.kind, "data", s.data, "meta", `{"attempt":20}`,
			"error", m.failure(), "reason", "attempts spent", "worker", b.consumer(k%50), "died_ms", strconv.FormatInt(
				at.UnixMilli(), 10))
		w.command("HSET", b.key(":dead:ids"), s.id, entry)
	}
}

// fillStats writes what workers count: a hash for each minute of a day and each hour of a week, one of all time, and
// the totals.
func (b backlog) fillStats(w *wire, m *maker, now time.Time) {
	for k := range 26 * 60 {
		w.command(append([]string{"HSET", b.key(":stats:" + strconv.FormatInt(now.Unix()/60-int64(k), 10))},
			counts(m, "")...)...)
	}
	for k := range 8 * 24 {
		w.command(append([]string{"HSET", b.key(":stats:h:" + strconv.FormatInt(now.Unix()/3600-int64(k), 10))},
			counts(m, "")...)...)
	}
	for _, kind := range kinds {
		w.command(append([]string{"HSET", b.key(":metrics")}, counts(m, ":"+kind)...)...)
	}
	w.command("HSET", b.key(":stats"), "done", "123456789", "retried", "1234567", "dead", strconv.Itoa(b.dead), "promoted",
		"7654321")
}

// counts are the names and numbers of a hash of counts.
func counts(m *maker, suffix string) []string {
	var fields []string
	add := func(name string, most int) { fields = append(fields, name+suffix, strconv.Itoa(m.rand.IntN(most))) }
	add("done", 5000)
	add("failed", 50)
	add("dead", 5)
	for _, name := range []string{"run", "wait"} {
		add(name+"_us", 1_000_000)
		for k := range 30 { // buckets of 1 ms to 1 s, see docs/keys.md
			add(name+":"+strconv.Itoa(13+k), 400)
		}
	}
	return fields
}

// deliver reads what is to be in flight for each worker, and registers those that live.
func (b backlog) deliver(ctx context.Context, rdb *redis.Client) error {
	if err := rdb.XGroupCreate(ctx, b.key(""), queue.DefaultGroup, "0").Err(); err != nil {
		return fmt.Errorf("scale: fill %s: %w", b.queue, err)
	}
	ends := time.Now().Add(24 * time.Hour)
	for k := range b.workers {
		if k >= b.gone {
			if err := b.register(ctx, rdb, k, ends); err != nil {
				return err
			}
		}
		for left := b.inFlight / b.workers; left > 0; left -= 500 {
			err := rdb.XReadGroup(ctx, &redis.XReadGroupArgs{
				Streams: []string{b.key(""), ">"}, Group: queue.DefaultGroup, Consumer: b.consumer(k), Count: int64(min(left, 500)),
			}).Err()
			if err != nil {
				return fmt.Errorf("scale: fill %s: %w", b.queue, err)
			}
		}
	}
	return nil
}

func (b backlog) register(ctx context.Context, rdb *redis.Client, k int, ends time.Time) error {
	name := b.consumer(k)
	pipe := rdb.Pipeline()
	pipe.HSet(ctx, b.key(":worker:"+name), "host", "box-"+strconv.Itoa(k), "pid", 1000+k, "slots", 100, "running", 100,
		"started_ms", time.Now().UnixMilli(), "lease_ms", 4000, "max_crashes", 3, "version", "v1.2.3")
	pipe.ZAdd(ctx, b.key(":workers"), redis.Z{Score: float64(ends.UnixMilli()), Member: name})
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("scale: register %s: %w", name, err)
	}
	return nil
}

// check compares what there is with what should be.
func (b backlog) check(ctx context.Context, rdb *redis.Client) error {
	inspector, err := inspect.New(rdb, inspect.Config{})
	if err != nil {
		return err
	}
	info, err := inspector.Queue(ctx, b.queue)
	if err != nil {
		return err
	}
	held := b.inFlight / b.workers * b.workers
	var wrong []string
	for name, pair := range map[string][2]int64{
		"waiting": {info.Waiting, int64(b.waiting + b.inFlight - held)}, "in flight": {info.InFlight, int64(held)},
		"delayed": {info.Delayed, int64(b.delayed)}, "retrying": {info.Retrying, int64(b.retrying)}, "dead": {info.Dead,
			int64(b.dead)},
	} {
		if pair[0] != pair[1] {
			wrong = append(wrong, fmt.Sprintf("%s %d, want %d", name, pair[0], pair[1]))
		}
	}
	if wrong != nil {
		return fmt.Errorf("scale: fill %s: %s", b.queue, strings.Join(wrong, "; "))
	}
	return nil
}

// fillGuards adds keys that are no queue's lists: what a scan for locks or flags has to walk past.
func fillGuards(ctx context.Context, address string, n int) error {
	w, err := dialWire(ctx, address)
	if err != nil {
		return err
	}
	m := newMaker()
	for range n {
		id := m.id(time.Now())
		w.command("SET", "navvy:{orders}:unique:"+id, id, "PX", "86400000")
	}
	return w.close()
}
