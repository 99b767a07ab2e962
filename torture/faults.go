package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

// The types of faults.
const (
	faultKill      = "kill"
	faultCaretaker = "caretaker"
	faultStop      = "stop"
	faultPause     = "pause"
	faultTerm      = "term"
	faultRolling   = "rolling"
	faultRedis     = "redis"
	faultCut       = "cut"
	faultDelay     = "delay"
	faultStall     = "stall"
	faultClients   = "clients"
	faultScripts   = "scripts"
	faultSleep     = "sleep"
	faultMemory    = "memory"
)

// fault is something that goes wrong.
type fault struct {
	name   string
	says   string
	share  int
	strike func(ctx context.Context, a *arena, rng *rand.Rand)
}

var faults = []fault{
	{faultKill, "kill -9 of a worker", 20, kill},
	{faultCaretaker, "kill -9 of the worker that does a queue's chores", 5, killCaretaker},
	{faultStop, "SIGSTOP of a worker for longer than its lease, then SIGCONT", 10, freeze},
	{faultPause, "SIGSTOP of a worker for less than half its lease", 5, blink},
	{faultTerm, "SIGTERM of a worker under load", 10, terminate},
	{faultRolling, "SIGTERM of every worker in turn", 1, roll},
	{faultRedis, "kill -9 of Redis, and its restart", 8, killRedis},
	{faultCut, "connections of a worker or of the producers cut at a random byte", 12, cut},
	{faultDelay, "every packet of a worker or of the producers delayed", 5, slow},
	{faultStall, "nothing passes between Redis and a worker or the producers", 8, stall},
	{faultClients, "CLIENT KILL TYPE normal", 5, killClients},
	{faultScripts, "SCRIPT FLUSH", 4, flushScripts},
	{faultSleep, "DEBUG SLEEP of Redis", 4, sleepRedis},
	{faultMemory, "maxmemory reached", 3, fillMemory},
}

// arena is where faults strike.
type arena struct {
	fleet     *fleet
	server    *redistest.Server
	rdb       *redis.Client // straight to the server
	producers *proxy
	lease     time.Duration
	book      *ledger

	redisDown sync.Mutex // held while Redis is down or asleep: one at a time
}

// producersProc is the name of the producers where a fault hits them.
const producersProc = "producers"

// torment strikes at random, from the seed, until ctx ends, and waits until the last fault is over and undone.
func (a *arena) torment(ctx context.Context, rng *rand.Rand, chosen []fault, gap time.Duration) {
	var wg sync.WaitGroup
	defer wg.Wait()
	sum := 0
	for _, f := range chosen {
		sum += f.share
	}
	for {
		next := time.Duration(rng.ExpFloat64() * float64(gap))
		n, own := rng.IntN(sum), rand.New(rand.NewPCG(rng.Uint64(), 0))
		if !pause.For(ctx, min(next, 5*gap)) {
			return
		}
		for _, f := range chosen {
			if n -= f.share; n < 0 {
				wg.Go(func() { f.strike(ctx, a, own) })
				break
			}
		}
	}
}

// chooseFaults returns the faults of a comma-separated list of types, all of them if it is empty.
func chooseFaults(list string) ([]fault, error) {
	if list == "" {
		return faults, nil
	}
	if list == "none" {
		return nil, nil
	}
	var chosen []fault
	for name := range strings.SplitSeq(list, ",") {
		found := false
		for _, f := range faults {
			if f.name == name {
				chosen, found = append(chosen, f), true
			}
		}
		if !found {
			return nil, fmt.Errorf("no fault %q", name)
		}
	}
	return chosen, nil
}

// between is a random duration from low to high.
func between(rng *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(rng.Int64N(int64(high-low)))
}

// lasting writes down a fault that begins and ends.
func (a *arena) lasting(name, proc, note string, strike func()) {
	l := line{Said: saidFault, Fault: name, Proc: proc, Note: note, At: time.Now().UnixNano()}
	strike()
	l.Until = time.Now().UnixNano()
	a.book.write(l)
}

func kill(_ context.Context, a *arena, rng *rand.Rand) { a.kill(faultKill, rng, "") }

func (a *arena) kill(name string, rng *rand.Rand, proc string) {
	p := a.fleet.borrow(rng, proc)
	if p == nil {
		return
	}
	a.book.write(line{Said: saidFault, Fault: name, Proc: p.name})
	p.signal(syscall.SIGKILL)
	<-p.ended
}

func killCaretaker(ctx context.Context, a *arena, rng *rand.Rand) {
	var names []string
	for name := range queues {
		names = append(names, name)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	consumer, err := a.rdb.Get(ctx, queueKey(names[rng.IntN(len(names))], "caretaker")).Result()
	if name, _, ok := strings.Cut(consumer, "#"); ok && err == nil {
		a.kill(faultCaretaker, rng, name)
	}
}

func freeze(ctx context.Context, a *arena, rng *rand.Rand) {
	a.stopFor(ctx, faultStop, rng, between(rng, a.lease*11/10, 3*a.lease))
}

func blink(ctx context.Context, a *arena, rng *rand.Rand) {
	a.stopFor(ctx, faultPause, rng, between(rng, a.lease/20, a.lease*45/100))
}

func (a *arena) stopFor(ctx context.Context, name string, rng *rand.Rand, long time.Duration) {
	p := a.fleet.borrow(rng, "")
	if p == nil {
		return
	}
	defer a.fleet.giveBack(p)
	a.lasting(name, p.name, "", func() {
		p.signal(syscall.SIGSTOP)
		pause.For(ctx, long)
		p.signal(syscall.SIGCONT)
	})
}

func terminate(_ context.Context, a *arena, rng *rand.Rand) {
	if p := a.fleet.borrow(rng, ""); p != nil {
		a.fleet.terminate(p)
	}
}

func roll(ctx context.Context, a *arena, rng *rand.Rand) {
	a.lasting(faultRolling, "nobody", "", func() {
		for _, old := range a.fleet.alive() {
			if p := a.fleet.borrow(rng, old.name); p != nil && ctx.Err() == nil {
				a.fleet.terminate(p)
			} else if p != nil {
				a.fleet.giveBack(p)
			}
		}
	})
}

// place picks whose connections a fault hits.
func (a *arena) place(rng *rand.Rand) (name string, where *proxy, done func()) {
	if rng.IntN(4) == 0 {
		return producersProc, a.producers, func() {}
	}
	p := a.fleet.borrow(rng, "")
	if p == nil {
		return producersProc, a.producers, func() {}
	}
	return p.name, p.proxy, func() { a.fleet.giveBack(p) }
}

func cut(ctx context.Context, a *arena, rng *rand.Rand) {
	name, where, done := a.place(rng)
	defer done()
	a.lasting(faultCut, name, "", func() { where.cut(ctx, rng) })
}

func slow(ctx context.Context, a *arena, rng *rand.Rand) {
	name, where, done := a.place(rng)
	defer done()
	delay := between(rng, time.Millisecond, 100*time.Millisecond)
	a.lasting(faultDelay, name, delay.String(), func() {
		where.slow(ctx, delay, between(rng, 500*time.Millisecond, 2*time.Second))
	})
}

func stall(ctx context.Context, a *arena, rng *rand.Rand) {
	name, where, done := a.place(rng)
	defer done()
	a.lasting(faultStall, name, "", func() { where.stall(ctx, between(rng, a.lease/5, 2*a.lease)) })
}
