package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/navvy-go/navvy/internal/redisurl"
	"github.com/navvy-go/navvy/jobs"
	"github.com/navvy-go/navvy/queue/inspect"
)

// patience is how long no job may end before the demo gives up on those that are left.
const patience = time.Minute

// process has the producer enqueue opts.count orders, waits until every queue is empty, and sums up what Redis says.
// The jobs are in a namespace of their own, so that what an earlier demo left does not count.
func (s *stage) process(ctx context.Context) (*summary, error) {
	s.namespace = "demo-" + strconv.FormatInt(time.Now().UnixMilli(), 10)
	rdb, err := redisurl.Open(s.url)
	if err != nil {
		return nil, err
	}
	defer rdb.Close()
	inspector, err := inspect.New(rdb, inspect.Config{Namespace: s.namespace})
	if err != nil {
		return nil, err
	}
	earlier, err := orderKeys(ctx, rdb)
	if err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	begin := time.Now()
	total := &summary{Ordered: int64(s.opts.count)}
	if total.Enqueued, err = s.produce(ctx); err != nil {
		return nil, err
	}
	if err := awaitEmpty(ctx, inspector, total); err != nil {
		return nil, err
	}
	total.Seconds = time.Since(begin).Seconds()
	return total, errors.Join(total.countOrders(ctx, rdb, earlier), s.countCharges(ctx, total))
}

// produce runs the producer to its end and returns how many jobs it says it has enqueued on each queue.
func (s *stage) produce(ctx context.Context) (map[string]int64, error) {
	const perSecond = 100 // quick, and still slow enough to watch
	cmd := s.command("producer", "simulate", "--count", strconv.Itoa(s.opts.count),
		"--orders", strconv.Itoa(perSecond), "--events", strconv.Itoa(2*perSecond))
	p, err := start(s.out, "producer", cmd, nil)
	if err != nil {
		return nil, err
	}
	select {
	case <-p.exited:
	case <-ctx.Done():
		return nil, errors.Join(cause(ctx), p.stop(context.Background()))
	}
	if p.err != nil {
		return nil, fmt.Errorf("producer ended with: %w", p.err)
	}
	var made struct{ Orders, Events int64 }
	if err := json.Unmarshal([]byte(p.lastLine()), &made); err != nil {
		return nil, fmt.Errorf("summary of the producer: %w", err)
	}
	return map[string]int64{jobs.Orders: made.Orders, jobs.Events: made.Events}, nil
}

// awaitEmpty waits until no queue has a job left to do, and adds up what became of them all.
func awaitEmpty(ctx context.Context, inspector *inspect.Inspector, total *summary) error {
	ended, since := int64(-1), time.Now()
	return poll(ctx, 100*time.Millisecond, func() (bool, error) {
		left, err := total.countJobs(ctx, inspector)
		if err == nil && left == 0 { // the totals may have been read before the last jobs ended
			_, err = total.countJobs(ctx, inspector)
			return err == nil, err
		}
		if err != nil {
			return false, err
		}
		if now := total.Done + total.Dead; now != ended {
			ended, since = now, time.Now()
		}
		if time.Since(since) > patience {
			return false, fmt.Errorf("%d jobs are left and none has ended for %s", left, patience)
		}
		return false, nil
	})
}

// cause is why ctx ended, in words for a person.
func cause(ctx context.Context) error {
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return errors.New("interrupted")
}
