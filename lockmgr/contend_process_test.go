package lockmgr_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

// enterScript and leaveScript guard a counter as a store should: they refuse a token that is not higher than the last,
// and a holder that comes before the last one left. The reply of the first is when the last one left, in µs.
var (
	enterScript = redis.NewScript(`
local g = redis.call('HMGET', KEYS[1], 'inside', 'token', 'left')
if (g[1] or '') ~= '' then return redis.error_reply('two holders: ' .. g[1] .. ' and ' .. ARGV[1]) end
if tonumber(ARGV[1]) <= tonumber(g[2] or 0) then return redis.error_reply('token ' .. ARGV[1] .. ' after ' .. g[2]) end
redis.call('HSET', KEYS[1], 'inside', ARGV[1], 'token', ARGV[1])
return tonumber(g[3] or 0)`)
	leaveScript = redis.NewScript(`
if redis.call('HGET', KEYS[1], 'inside') ~= ARGV[1] then return redis.error_reply('another came in') end
redis.call('HSET', KEYS[1], 'inside', '', 'left', ARGV[2])
return redis.call('HINCRBY', KEYS[1], 'count', 1)`)
)

// tally is what a process of contenders reports.
type tally struct {
	Entries []int // of each contender
	// Waits are from each release to the next holder in µs: more than the wake-up, for the store is written in between.
	Waits []int64
	Trips []int64 // of the store's script while the lock is held, in µs: what a request costs on a machine as busy
}

func contend(ctx context.Context, c *child) error {
	c.report("ready", os.Getpid())
	if _, err := c.nextCommand(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.For)
	defer cancel()
	result := tally{Entries: make([]int, c.Callers)}
	var wg sync.WaitGroup
	for i := range c.Callers {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := c.visit(ctx, &result, i); err != nil && ctx.Err() == nil {
					c.report("failed", err)
					return
				}
			}
		})
	}
	wg.Wait()
	text, err := json.Marshal(result)
	c.report("tally", string(text))
	return err
}

// visit takes the lock, enters the store and leaves it. The lock guards the tally as well.
func (c *child) visit(ctx context.Context, result *tally, contender int) error {
	var opts []lockmgr.Option
	if c.Fair {
		opts = append(opts, lockmgr.Fair())
	}
	lock, err := c.locks.Acquire(ctx, c.Name, opts...)
	if err != nil {
		return err
	}
	got, ctx := time.Now(), context.WithoutCancel(ctx)
	left, err := enterScript.Run(ctx, c.rdb, []string{c.Name}, lock.Token()).Int64()
	trip := time.Since(got)
	if err != nil {
		return errors.Join(err, lock.Release(ctx))
	}
	c.mu.Lock() // the lock under test may fail
	result.Entries[contender]++
	if left > 0 {
		result.Waits = append(result.Waits, got.UnixMicro()-left)
		result.Trips = append(result.Trips, trip.Microseconds())
	}
	c.mu.Unlock()
	err = leaveScript.Run(ctx, c.rdb, []string{c.Name}, lock.Token(), time.Now().UnixMicro()).Err()
	return errors.Join(err, lock.Release(ctx))
}

// contest is what came of processes that contend for one lock.
type contest struct {
	tally
	length   time.Duration
	requests int // scripts run on the lock's Redis
}

// runContest holds a contest; NAVVY_TEST_CONTEND=10s makes each longer.
func runContest(t *testing.T, processes, callers int, length time.Duration, fair bool) contest {
	t.Helper()
	server := redistest.New(t) // its counts are of this contest alone
	if text := os.Getenv("NAVVY_TEST_CONTEND"); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		locktest.Must(t, err)
	}
	store := redistest.Shared(t)
	work := task{
		Do: "contend", Addr: server.Addr, Store: store.Addr, Name: redistest.Namespace(),
		Callers: callers, For: length, Fair: fair,
	}
	var all []*process
	for range processes {
		p := start(t, work)
		p.expect("ready")
		all = append(all, p)
	}
	for _, p := range all {
		p.send("go")
	}
	result := contest{length: length}
	for _, p := range all {
		var one tally
		locktest.Must(t, json.Unmarshal([]byte(p.expect("tally")), &one))
		result.Entries = append(result.Entries, one.Entries...)
		result.Waits = append(result.Waits, one.Waits...)
		result.Trips = append(result.Trips, one.Trips...)
	}
	result.requests = scriptsRun(t, server.Client(t))
	if count, err := store.Client(t).HGet(t.Context(), work.Name, "count").Int(); err != nil || count != result.total() {
		t.Errorf("the store counts %d entries (%v), the processes %d", count, err, result.total())
	}
	t.Logf("%d acquisitions in %s (%d to %d each), %d requests, "+
		"release to next holder %s median (%.1f trips), %s for 99 %%",
		result.total(), length, slices.Min(result.Entries), slices.Max(result.Entries), result.requests,
		quantile(result.Waits, 0.5), result.tripsToNext(), quantile(result.Waits, 0.99))
	return result
}

func (c contest) total() (n int) {
	for _, entries := range c.Entries {
		n += entries
	}
	return n
}

// perAcquisition leaves out what grows with the contenders and with the time: the fewer acquisitions a slow machine has
// in it, the more they would count. That is the first request of each, the look when its process has subscribed, and
// the looks of so many waiters that are not woken.
func (c contest) perAcquisition(waiters int, pause time.Duration) float64 {
	looks := waiters * int(c.length/pause)
	return max(float64(c.requests-2*len(c.Entries)-looks)/float64(c.total()), 0)
}

// tripsToNext is the median wait from a release to the next holder, in round trips to Redis of the same time.
func (c contest) tripsToNext() float64 {
	return float64(quantile(c.Waits, 0.5)) / float64(quantile(c.Trips, 0.5))
}

func quantile(waits []int64, q float64) time.Duration {
	waits = slices.Sorted(slices.Values(waits))
	return time.Duration(waits[int(q*float64(len(waits)-1))]) * time.Microsecond
}

// scriptsRun counts the requests of lockmgr, all of whose work is in scripts.
func scriptsRun(t *testing.T, rdb *redis.Client) (n int) {
	t.Helper()
	for line := range strings.SplitSeq(rdb.Info(t.Context(), "commandstats").Val(), "\r\n") {
		name, rest, _ := strings.Cut(line, ":calls=")
		if name != "cmdstat_evalsha" && name != "cmdstat_eval" {
			continue
		}
		calls, _, _ := strings.Cut(rest, ",")
		number, err := strconv.Atoi(calls)
		locktest.Must(t, err)
		n += number
	}
	return n
}

// Without fairness an acquisition costs a request for the release, one for each process that then tries, and one for a
// caller that comes in and finds the lock held. With it, a caller that comes back stands behind all the others, so that
// all have had the lock as often, give or take the order of the first arrivals and the round that the end of the time
// cuts short.
func TestContendersOfSeveralProcesses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name               string
		processes, callers int
		fair               bool
		length             time.Duration
		requests           float64
	}{
		{"2 processes, 1 caller each", 2, 1, false, time.Second, 4},
		{"4 processes, 50 callers each", 4, 50, false, 2 * time.Second, 8},
		{"4 processes, 50 callers each, fair", 4, 50, true, 2 * time.Second, 4},
	} {
		t.Run(test.name, func(t *testing.T) { // one after the other: each is measured
			c := runContest(t, test.processes, test.callers, test.length, test.fair)
			waiters, pause := test.processes, 100*time.Millisecond // of one process only the first contends
			if test.fair {
				waiters, pause = test.processes*test.callers, 500*time.Millisecond
			}
			if each := c.perAcquisition(waiters, pause); each > test.requests {
				t.Errorf("%.1f requests for each acquisition, want %.0f at the most", each, test.requests)
			}
			if c.tripsToNext() > 12 {
				t.Errorf("from release to next holder it takes %.1f round trips, want 12 at the most", c.tripsToNext())
			}
			if spread := slices.Max(c.Entries) - slices.Min(c.Entries); test.fair && spread > 2 {
				t.Errorf("some had the lock %d times more often than others", spread)
			}
		})
	}
}

// arrive is a process whose callers come one by one, at a command, and sign a list while they hold the lock.
func arrive(ctx context.Context, c *child) error {
	c.report("ready", os.Getpid())
	var wg sync.WaitGroup
	for {
		signature, err := c.nextCommand()
		if err != nil || signature == "end" {
			wg.Wait()
			c.report("ended", err)
			return err
		}
		wg.Go(func() {
			err := c.locks.Do(ctx, c.Name, func(ctx context.Context) error {
				return c.rdb.RPush(ctx, c.Name, signature).Err()
			}, lockmgr.Fair())
			if err != nil {
				c.report("failed", err)
			}
		})
	}
}

func TestFairWaitersOfFourProcessesComeInOrder(t *testing.T) {
	t.Parallel()
	locks, rdb, name := setup(t)
	held, queue := mustTake(t, locks, name), "{lock:"+name+"}:queue"
	var all []*process
	for range 4 {
		p := start(t, task{Do: "arrive", Addr: redistest.Shared(t).Addr, Store: redistest.Shared(t).Addr, Name: name})
		p.expect("ready")
		all = append(all, p)
	}
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprint(i))
		all[i*7%4].send(i)
		locktest.Eventually(t, "the waiter stands in the queue", func() bool {
			return rdb.ZCard(t.Context(), queue).Val() == int64(i+1)
		})
	}
	locktest.Must(t, held.Release(t.Context()))
	for _, p := range all {
		p.send("end")
		p.expect("ended")
	}
	if got := rdb.LRange(t.Context(), name, 0, -1).Val(); !slices.Equal(got, want) {
		t.Errorf("they came as %v, want %v", got, want)
	}
}
