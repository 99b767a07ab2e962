package queue_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
)

// cronTick is a job of the cron entries of a test.
type cronTick struct{}

func (cronTick) Kind() string { return "cron.tick" }

// ticksRun returns the ticks whose jobs have run, in Unix seconds, by entry.
func (f *fleet) ticksRun() map[string][]int64 {
	f.Helper()
	counts, err := f.rdb.HGetAll(f.Context(), f.namespace+"-ticks").Result()
	f.must(err)
	ticks := map[string][]int64{}
	for id := range counts {
		words := strings.Split(id, ":")
		ms, err := strconv.ParseInt(words[len(words)-1], 10, 64)
		f.must(err)
		if ms%1000 != 0 {
			f.Fatalf("the job %s is of no tick", id)
		}
		ticks[words[1]] = append(ticks[words[1]], ms/1000)
	}
	for _, of := range ticks {
		slices.Sort(of)
	}
	return ticks
}

// added is how many jobs were ever put into the stream of the queue.
func (f *fleet) added() int {
	f.Helper()
	info, err := f.rdb.XInfoStream(f.Context(), f.stream()).Result()
	f.must(err)
	return int(info.EntriesAdded)
}

// cronSeconds is how long the processes are killed: CRON=60 is the whole of it, five processes and ten entries.
func cronSeconds(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("CRON"), "10"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// One process after another is killed, and started again: of every entry each tick is enqueued once. Then nobody is
// there for a while, and what was missed is made up for as each entry says.
func TestEachTickIsEnqueuedOnceThoughProcessesAreKilled(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t))
	seconds := cronSeconds(t)
	processes, entries, away := 3, 3, 12
	if seconds >= 60 {
		processes, entries, away = 5, 10, 30
	}
	cfg := processConfig{Slots: 10, Lease: 2 * time.Second}
	for n := range entries {
		cfg.Crons = append(cfg.Crons, cronOfProcess{fmt.Sprintf("all-%d", n), 1000})
	}
	for name, catchUp := range map[string]int{"skip": 0, "one": 1, "four": 4} {
		cfg.Crons = append(cfg.Crons, cronOfProcess{name, catchUp})
	}
	running := make([]*process, processes)
	start := func(n int) {
		cfg.Name = fmt.Sprintf("p%d", n)
		running[n] = f.process(cfg)
	}
	for n := range running {
		start(n)
	}
	f.eventually("every entry has enqueued", func() bool { return len(f.ticksRun()) == len(cfg.Crons) })
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for n := 1; n <= seconds; n++ {
		<-second.C
		if n%5 == 0 {
			victim := n / 5 % processes
			running[victim].signal(syscall.SIGKILL)
			running[victim].wait(t)
			start(victim)
		}
	}
	for _, p := range running {
		p.signal(syscall.SIGKILL)
		p.wait(t)
	}
	before := f.ticksRun()
	for range away {
		<-second.C
	}
	start(0)
	back := time.Now().Unix()
	f.eventually("all go on", func() bool {
		return !slices.ContainsFunc(cfg.Crons, func(c cronOfProcess) bool {
			ticks := f.ticksRun()[c.Name]
			return ticks[len(ticks)-1] < back+3
		})
	})
	running[0].signal(syscall.SIGTERM)
	running[0].wait(t)
	f.checkTicks(before, back, entries, seconds)
}

// checkTicks holds the ticks that have run against what each entry catches up.
func (f *fleet) checkTicks(before map[string][]int64, back int64, entries, seconds int) {
	f.Helper()
	f.start(muxOf("cron.tick", noop)) // runs what was left over, and enqueues nothing
	f.empty()
	jobs := 0
	for name, ticks := range f.ticksRun() {
		jobs += len(ticks)
		first, last := ticks[0], ticks[len(ticks)-1]
		left := int(last-first) + 1 - len(ticks)
		f.Logf("%-6s %d ticks, %d left out", name, len(ticks), left)
		if strings.HasPrefix(name, "all-") {
			if left != 0 {
				f.Errorf("%s: %d of the ticks from %d to %d were left out: %v", name, left, first, last, ticks)
			}
			continue
		}
		of := before[name]
		gone := of[len(of)-1]
		for n, tick := range ticks[1:] { // only while nobody was there
			if tick != ticks[n]+1 && (tick <= gone || tick > back+1) {
				f.Errorf("%s: between %d and %d ticks were left out", name, ticks[n], tick)
			}
		}
		if left == 0 {
			f.Errorf("%s: nothing was left out", name)
		}
	}
	if added := f.added(); added != jobs {
		f.Errorf("%d jobs were enqueued for %d ticks", added, jobs)
	}
	if least := entries * seconds; jobs < least {
		f.Errorf("%d ticks, at least %d have passed", jobs, least)
	}
}
