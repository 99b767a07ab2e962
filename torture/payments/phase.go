package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/simgate"
	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

const (
	gatewayLatency = 50 * time.Millisecond
	gatewayPatient = 500 * time.Millisecond // of the workers, with the gateway
	redisKills     = 3                      // of a phase in which Redis is killed
	redisAway      = time.Second            // at the most
	drainTime      = 2 * time.Minute        // at the most, when the faults are over
)

// phase is everything that takes part in one.
type phase struct {
	o        options
	redisToo bool
	dir      string
	server   *redistest.Server
	rdb      *redis.Client
	inspect  *inspect.Inspector
	gateway  *simgate.Server
	fleet    *fleet
	report   *report
}

// play runs one phase and judges it.
func play(ctx context.Context, o options, redisToo bool, out io.Writer) (*report, error) {
	dir, err := os.MkdirTemp("", "navvy-payments-")
	if err != nil {
		return nil, err
	}
	name := phaseWorkers
	if redisToo {
		name = phaseRedis
	}
	fmt.Fprintf(out, "payments: %s, seed %d: %d orders, %d producers, %d workers\n", name, o.seed, o.orders, producers,
		o.workers)
	p := &phase{o: o, redisToo: redisToo, dir: dir, report: &report{Phase: name, Seed: o.seed, Orders: o.orders}}
	err = p.play(ctx)
	if err != nil || !p.report.Held {
		fmt.Fprintf(out, "payments: logs and data are in %s\n", dir)
		return p.report, err
	}
	return p.report, os.RemoveAll(dir)
}

func (p *phase) play(ctx context.Context) error {
	if err := p.open(); err != nil {
		return err
	}
	defer p.server.Kill()
	defer p.rdb.Close()
	listener, err := p.gateway.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	p.fleet = &fleet{dir: p.dir, program: filepath.Join(p.o.bin, "worker"), args: []string{
		"run", "--redis", p.server.URL(), "--queues", jobs.Orders, "--concurrency", "10", "--lease", "1s", "--grace", "5s",
		"--max-crashes", "100", // the point is what becomes of jobs, not that they are given up
		"--gateway", listener.URL, "--gateway-timeout", gatewayPatient.String(), "--log-level", "warn",
	}}
	rng := newRand(p.o.seed)
	began := time.Now()
	p.fleet.run(context.WithoutCancel(ctx), p.o.workers, rng)
	err = p.strike(ctx, rng)
	p.report.Struck = time.Since(began)
	undone := error(nil)
	if err == nil {
		undone = p.drain(ctx)
	}
	p.report.Problems = p.fleet.stop()
	p.report.Took = time.Since(began)
	if err != nil {
		return err
	}
	if undone != nil {
		p.report.Problems = append(p.report.Problems, undone.Error())
	}
	found, err := p.collect(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	p.report.judge(found)
	return nil
}

// open starts Redis, with an append-only file that is on disk before Redis answers, and the gateway.
func (p *phase) open() (err error) {
	if p.server, err = redistest.Start(p.dir, "--appendonly", "yes", "--appendfsync", "always"); err != nil {
		return err
	}
	p.rdb = redis.NewClient(&redis.Options{Addr: p.server.Addr})
	if p.inspect, err = inspect.New(p.rdb, inspect.Config{}); err == nil {
		p.gateway, err = simgate.NewServer(simgate.Simulation{
			Latency: gatewayLatency, Failures: 0.01, Timeouts: 0.1, Seed: p.o.seed,
		})
	}
	if err != nil {
		p.rdb.Close()
		p.server.Kill()
	}
	return err
}

// strike lets the producers enqueue every order, and kills meanwhile.
func (p *phase) strike(ctx context.Context, rng *rand.Rand) error {
	kills := newRand(rng.Uint64())
	outages := newRand(rng.Uint64())
	striking, over := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { p.killWorkers(striking, kills) })
	var outage error
	if p.redisToo {
		wg.Go(func() { outage = p.killRedis(striking, outages) })
	}
	err := produce(ctx, p.dir, p.server.Addr, p.o.orders, p.o.long)
	over()
	wg.Wait()
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return errors.Join(err, outage)
}

func (p *phase) killWorkers(ctx context.Context, rng *rand.Rand) {
	for pause.For(ctx, min(time.Duration(rng.ExpFloat64()*float64(p.o.gap)), 5*p.o.gap)) {
		if p.fleet.kill(rng) {
			p.report.WorkersKilled++
		}
	}
}

// killRedis kills Redis some times, evenly over the phase, and starts it again on its append-only file.
func (p *phase) killRedis(ctx context.Context, rng *rand.Rand) error {
	for range redisKills {
		if !pause.For(ctx, p.o.long/(redisKills+1)) {
			return nil
		}
		p.server.Kill()
		p.report.RedisKilled++
		pause.For(ctx, time.Duration(rng.Int64N(int64(redisAway))))
		if err := p.restart(ctx); err != nil {
			return err
		}
	}
	return nil
}

// restart tries more than once: Redis' port may be somebody's outgoing connection for a moment.
func (p *phase) restart(ctx context.Context) (err error) {
	for range 10 {
		if err = p.server.Restart(); err == nil {
			return nil
		}
		pause.For(context.WithoutCancel(ctx), 200*time.Millisecond)
	}
	return err
}

// drain waits until nothing is left to do.
func (p *phase) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	for {
		info, err := p.inspect.Queue(ctx, jobs.Orders)
		if err == nil && info.Waiting+info.InFlight+info.Delayed+info.Retrying == 0 {
			return nil
		}
		if !pause.For(ctx, 100*time.Millisecond) {
			return fmt.Errorf("after %s there are still %d jobs waiting, %d in flight and %d due later (%v)",
				drainTime, info.Waiting, info.InFlight, info.Delayed+info.Retrying, err)
		}
	}
}

// collect reads what the judge needs.
func (p *phase) collect(ctx context.Context) (findings, error) {
	found := findings{ledger: p.gateway.Ledger(), orders: map[string]payment.Order{}}
	service := payment.New(p.rdb, nil, nil)
	for n := range p.o.orders {
		id := orderOf(n).OrderID
		order, err := service.Order(ctx, id)
		if err != nil && !errors.Is(err, payment.ErrNoOrder) {
			return found, err
		}
		if err == nil {
			found.orders[id] = order
		}
	}
	var err error
	if found.queue, err = p.inspect.Queue(ctx, jobs.Orders); err != nil {
		return found, err
	}
	found.audit, err = p.inspect.Verify(ctx, jobs.Orders, nil)
	return found, err
}
