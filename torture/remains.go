package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

// queueKey is the key of a queue's part.
func queueKey(name, part string) string { return queue.DefaultNamespace + ":{" + name + "}:" + part }

// house looks at what is in Redis, and does so straight, past the proxies.
type house struct {
	rdb     *redis.Client
	inspect *inspect.Inspector
}

// totals adds up the queues.
func (h *house) totals(ctx context.Context) (inspect.QueueInfo, error) {
	var sum inspect.QueueInfo
	for name := range queues {
		info, err := h.inspect.Queue(ctx, name)
		if errors.Is(err, inspect.ErrNotFound) {
			continue
		}
		if err != nil {
			return sum, err
		}
		sum.Waiting += info.Waiting
		sum.InFlight += info.InFlight
		sum.Delayed += info.Delayed
		sum.Retrying += info.Retrying
		sum.Dead += info.Dead
		sum.Workers += info.Workers
		sum.Totals.Done += info.Totals.Done
		sum.Totals.Dead += info.Totals.Dead
	}
	return sum, nil
}

// drain waits until nothing is left to do and only the live workers are registered with each queue. It returns what is
// left when its time is up.
func (h *house) drain(ctx context.Context, workers int64, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		sum, err := h.totals(ctx)
		if err == nil && sum.Waiting+sum.InFlight+sum.Delayed+sum.Retrying == 0 && sum.Workers == workers*int64(len(queues)) {
			return nil
		}
		if !pause.For(ctx, 100*time.Millisecond) {
			return fmt.Errorf("after %s there are still %d waiting, %d in flight, %d delayed, %d retrying, and %d of %d "+
				"registrations of workers",
				most, sum.Waiting, sum.InFlight, sum.Delayed, sum.Retrying, sum.Workers, workers*int64(len(queues)))
		}
	}
}

// verify does what an operator does who wants to know whether every job is accounted for.
func (h *house) verify(ctx context.Context) (problems []string, err error) {
	for name := range queues {
		audit, err := h.inspect.Verify(ctx, name, nil)
		if errors.Is(err, inspect.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, b := range audit.Balances {
			if b.Lost() != 0 {
				problems = append(problems, fmt.Sprintf("queue %s, %s: %d in, %d out, %d there", name, b.Place, b.In, b.Out,
					b.There))
			}
		}
		for _, what := range audit.Missing {
			problems = append(problems, "queue "+name+": "+what)
		}
	}
	return problems, nil
}

// dead lists all dead and cancelled jobs by their IDs.
func (h *house) dead(ctx context.Context) (map[string]inspect.JobInfo, error) {
	dead := map[string]inspect.JobInfo{}
	for name := range queues {
		for _, state := range []inspect.State{inspect.StateDead, inspect.StateCancelled} {
			err := h.ended(ctx, name, state, dead)
			if err != nil && !errors.Is(err, inspect.ErrNotFound) {
				return nil, err
			}
		}
	}
	return dead, nil
}

func (h *house) ended(ctx context.Context, name string, state inspect.State, to map[string]inspect.JobInfo) error {
	for page := (inspect.Page{Limit: 1000}); ; {
		jobs, err := h.inspect.Search(ctx, name, inspect.Query{State: state}, page)
		if err != nil {
			return err
		}
		for _, job := range jobs.Jobs {
			to[job.ID] = job
		}
		if page.Cursor = jobs.Next; jobs.Next == "" {
			return nil
		}
	}
}

// remains lists what a finished run must not leave behind once the workers have gone: entries, pending entries,
// consumers, bodies, registrations, and keys that would stay for ever.
func (h *house) remains(ctx context.Context) ([]string, error) {
	var found []string
	keys := h.rdb.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		key := keys.Val()
		switch part := key[strings.LastIndex(key, "}")+1:]; {
		case part == "": // a stream: looked at below
		case part == ":dead", part == ":dead:ids", part == ":stats", part == ":metrics":
		case part == ":cancelled:jobs", part == ":cancelled:ids", part == ":ids", part == ":ids:ends": // their ends are swept
		case key == queue.DefaultNamespace+":queues", key == queue.DefaultNamespace+":version":
		default:
			ttl, err := h.rdb.PTTL(ctx, key).Result()
			if err != nil {
				return nil, err
			}
			if ttl == -1 {
				found = append(found, key+" never expires")
			}
		}
	}
	if err := keys.Err(); err != nil {
		return nil, err
	}
	for name := range queues {
		left, err := h.remainsOf(ctx, queue.DefaultNamespace+":{"+name+"}")
		if err != nil {
			return nil, err
		}
		found = append(found, left...)
	}
	return found, nil
}

func (h *house) remainsOf(ctx context.Context, stream string) (found []string, err error) {
	length, err := h.rdb.XLen(ctx, stream).Result()
	if err != nil {
		return nil, err
	}
	if length > 0 {
		found = append(found, fmt.Sprintf("%s has %d entries", stream, length))
	}
	groups, err := h.rdb.XInfoGroups(ctx, stream).Result()
	if err != nil && !redis.HasErrorPrefix(err, "ERR no such key") {
		return nil, err
	}
	for _, group := range groups {
		if group.Pending > 0 {
			found = append(found, fmt.Sprintf("%s has %d pending entries", stream, group.Pending))
		}
		consumers, err := h.rdb.XInfoConsumers(ctx, stream, group.Name).Result()
		if err != nil {
			return nil, err
		}
		for _, consumer := range consumers {
			if !strings.HasPrefix(consumer.Name, "~") {
				found = append(found, fmt.Sprintf("%s has consumer %s with %d pending entries", stream, consumer.Name,
					consumer.Pending))
			}
		}
	}
	return found, nil
}
