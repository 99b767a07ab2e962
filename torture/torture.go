package main

import (
	"cmp"
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
	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

const progressEvery = 5 * time.Second

// scene is everything that takes part.
type scene struct {
	o         options
	dir       string
	server    *redistest.Server
	rdb       *redis.Client
	house     *house
	entrance  *proxy // of the producers
	producers *producers
	operator  *operator
	fleet     *fleet
	books     []*ledger
	out       io.Writer
	began     time.Time
}

// torture sets the scene, lets the faults strike, waits until every job has ended, and judges.
func torture(ctx context.Context, o options, out io.Writer) (*report, error) {
	dir, err := os.MkdirTemp("", "navvy-torture-")
	if err != nil {
		return nil, err
	}
	s := &scene{o: o, dir: dir, out: out, began: time.Now()}
	r, err := s.play(ctx)
	if o.keep || err != nil || !r.Held {
		fmt.Fprintf(out, "ledgers and data are in %s\n", dir)
		return r, err
	}
	return r, os.RemoveAll(dir)
}

func (s *scene) play(ctx context.Context) (*report, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	defer s.server.Kill()
	defer s.rdb.Close()
	defer s.entrance.close()
	rng := rand.New(rand.NewPCG(s.o.seed, 0))
	fmt.Fprintf(s.out, "torture: %s with seed %d: %d workers, lease %s, %d jobs/s\n", s.o.long, s.o.seed, s.o.workers,
		s.o.lease, s.o.rate)
	s.fleet.run(context.WithoutCancel(ctx), s.o.workers, rng)
	s.strike(ctx, rng)

	undone := s.house.drain(context.WithoutCancel(ctx), int64(s.o.workers), drainTime(s.o))
	s.fleet.stop()
	r := &report{Seed: s.o.seed, Lease: s.o.lease, Workers: s.o.workers, Duration: time.Since(s.began)}
	if undone != nil {
		r.Problems = append(r.Problems, undone.Error())
	}
	if err := s.audit(context.WithoutCancel(ctx), r); err != nil {
		return nil, err
	}
	return r, nil
}

// drainTime is how long the jobs that are left may take when the faults are over: what a backlog of outages needs, and
// the leases and retries of the last.
func drainTime(o options) time.Duration { return 30*time.Second + 10*o.lease + o.long/2 }

// open starts Redis, with an append-only file that is on disk before Redis answers, and readies the rest.
func (s *scene) open() (err error) {
	data := filepath.Join(s.dir, "redis")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if s.server, err = redistest.Start(data,
		"--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "yes"); err != nil {
		return err
	}
	s.rdb = redis.NewClient(&redis.Options{Addr: s.server.Addr})
	defer func() {
		if err != nil {
			s.rdb.Close()
			s.server.Kill()
		}
	}()
	inspector, err := inspect.New(s.rdb, inspect.Config{})
	if err != nil {
		return err
	}
	s.house = &house{rdb: s.rdb, inspect: inspector}
	books := make([]*ledger, 3)
	for i, name := range []string{producersProc, "harness", operatorProc} {
		if books[i], err = openLedger(s.dir, name); err != nil {
			return err
		}
	}
	s.books = books
	if s.fleet, err = newFleet(s.dir, s.server.Addr, s.o.lease, books[1]); err != nil {
		return err
	}
	if s.operator, err = newOperator(s.server.Addr, s.o.lease, books[2]); err != nil {
		return err
	}
	if s.entrance, err = newProxy(s.server.Addr); err != nil {
		return err
	}
	s.producers, err = newProducers(s.entrance.addr(), s.o.lease, books[0])
	return err
}

// strike lets producers and faults go on for as long as asked for, or until ctx ends.
func (s *scene) strike(ctx context.Context, rng *rand.Rand) {
	ctx, cancel := context.WithTimeout(ctx, s.o.long)
	defer cancel()
	var wg sync.WaitGroup
	own := func() *rand.Rand { return rand.New(rand.NewPCG(rng.Uint64(), 0)) }
	jobs, luck, orders := own(), own(), own()
	wg.Go(func() { s.producers.run(ctx, s.o.rate, jobs) })
	if len(s.o.faults) > 0 {
		a := &arena{
			fleet: s.fleet, server: s.server, rdb: s.rdb, producers: s.entrance, lease: s.o.lease, book: s.books[1],
		}
		wg.Go(func() { a.torment(ctx, luck, s.o.faults, s.o.gap) })
	}
	wg.Go(func() { s.operator.run(ctx, orders) })
	wg.Go(func() { s.progress(ctx) })
	wg.Wait()
	_ = s.producers.close()
}

// progress prints a line every few seconds.
func (s *scene) progress(ctx context.Context) {
	for pause.For(ctx, progressEvery) {
		look, cancel := context.WithTimeout(ctx, time.Second)
		sum, err := s.house.totals(look)
		cancel()
		state := "redis is away"
		if err == nil {
			state = fmt.Sprintf("%d done, %d dead, %d waiting, %d in flight, %d due later",
				sum.Totals.Done, sum.Dead, sum.Waiting, sum.InFlight, sum.Delayed+sum.Retrying)
		}
		fmt.Fprintf(s.out, "%4.0fs  %d enqueued, %s; %d workers\n",
			time.Since(s.began).Seconds(), s.producers.told.Load(), state, len(s.fleet.alive()))
	}
}

// audit reads the ledgers and what is in Redis, and judges.
func (s *scene) audit(ctx context.Context, r *report) error {
	var err error
	for _, book := range s.books {
		err = cmp.Or(err, book.close())
	}
	dead, deadErr := s.house.dead(ctx)
	remains, remainErr := s.house.remains(ctx)
	unbalanced, auditErr := s.house.verify(ctx)
	lines, readErr := readLedgers(s.dir)
	if err := errors.Join(err, deadErr, remainErr, auditErr, readErr); err != nil {
		return err
	}
	for _, what := range remains {
		r.Problems = append(r.Problems, "left in redis: "+what)
	}
	r.Problems = append(r.Problems, unbalanced...)
	j := newJudge(newRecord(lines), dead, s.o.lease)
	j.run()
	r.take(j, lines)
	return nil
}
