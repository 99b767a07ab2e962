package queue

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What EnqueueMany holds in memory twice at the most: as items and as commands.
const (
	manyAtOnce = 1000     // jobs
	manyBytes  = 16 << 20 // of their data; a single job may have more
)

// EnqueueMany puts many jobs in Redis, in pipelines. It returns one Enqueued for each item, in their order, each with
// its own Err, and an error that counts and names the first if any failed. Where [Client.Enqueue] is refused because
// too much waits to be sent, EnqueueMany waits. Of items with the same [ID] or [Unique] key on one queue the first is
// the one that is enqueued, and those with [ReplaceData] or [Debounce] change it in their order, each with a round trip
// of its own. ClientConfig.Timeout applies to each thousand, or 16 MiB. Jobs with [Durable] are sent one
// by one.
//
// When ctx ends, it returns at once: items that were not sent by then say so, and those under way [ErrUnknownOutcome].
func (c *Client) EnqueueMany(ctx context.Context, items []Item) ([]Enqueued, error) {
	results := make([]Enqueued, len(items))
	for from := 0; from < len(items); {
		to := min(from+manyAtOnce, len(items))
		from += c.enqueueChunk(ctx, items[from:to], results[from:to])
	}
	failed, first := 0, error(nil)
	for i := range results {
		if err := results[i].Err; err != nil {
			if failed++; first == nil {
				first = err
			}
		}
	}
	if failed > 0 {
		return results, fmt.Errorf("queue: enqueue: %d of %d jobs failed, the first: %w", failed, len(items), first)
	}
	return results, nil
}

// chunk is up to a thousand items that are enqueued together.
type chunk struct {
	client  *Client
	ops     []*enqueueOp // nil of an item that is done
	results []Enqueued
	left    time.Duration // of the client's timeout
	noting  []*clientQueue
}

// enqueueChunk enqueues as many items as may be held at once, and returns how many.
func (c *Client) enqueueChunk(ctx context.Context, items []Item, results []Enqueued) (n int) {
	if err := c.mayCall(ctx); err != nil {
		for i := range results {
			results[i].Err = err
		}
		return len(items)
	}
	k := chunk{client: c, ops: make([]*enqueueOp, len(items)), results: results, left: c.cfg.Timeout}
	pending := make([]int, 0, len(items))
	for bytes := 0; n < len(items) && bytes < manyBytes; n++ {
		op, err := c.prepare(items[n].Args, items[n].Options)
		if err != nil {
			results[n].Err = err
			continue
		}
		k.ops[n], results[n] = op, op.job
		bytes += op.size
		pending = append(pending, n)
	}
	for done := (guardSet{}); len(pending) > 0; {
		var wave []int
		wave, pending = k.nextWave(pending, done)
		k.send(ctx, wave, done)
	}
	c.noteAll(ctx, k.noting, monotonic()+int64(max(k.left, 0)))
	return n
}

// guardKey is what lets one job in at a time: an ID or a unique key of a queue.
type guardKey struct{ queue, id, unique string }

type guardSet map[guardKey]struct{}

// guards lists those of a job, in the memory given.
func (op *enqueueOp) guards(to []guardKey) []guardKey {
	if op.chosenID != "" {
		to = append(to, guardKey{queue: op.job.Queue, id: op.chosenID})
	}
	if op.unique.Key != "" {
		to = append(to, guardKey{queue: op.job.Queue, unique: op.unique.Key})
	}
	return to
}

// nextWave takes the items that may be sent at the same time: of those with the same guard the first, and all once that
// one has succeeded, but for those that change a job: each comes after the one before it. Otherwise the order would be
// left to chance: there are several pipelines, and a server that does not have the script gets some of their commands
// again.
func (k *chunk) nextWave(pending []int, done guardSet) (wave, rest []int) {
	var memory [2]guardKey
	taken := guardSet{}
	for n, i := range pending {
		guards := k.ops[i].guards(memory[:0])
		if len(guards) > 0 && rest == nil {
			wave = append(make([]int, 0, len(pending)), pending[:n]...)
			rest = []int{}
		}
		free := true
		for _, guard := range guards {
			if _, ok := done[guard]; ok && !k.ops[i].unique.changes() {
				continue
			}
			if _, ok := taken[guard]; ok {
				free = false
			}
			taken[guard] = struct{}{}
		}
		switch {
		case rest == nil: // none had a guard so far
		case free:
			wave = append(wave, i)
		default:
			rest = append(rest, i)
		}
	}
	if rest == nil {
		return pending, nil
	}
	return wave, rest
}

// send enqueues items and waits for their outcomes: those with [Durable] behind the others, one by one.
func (k *chunk) send(ctx context.Context, wave []int, done guardSet) {
	sender, began := k.client.sender, monotonic()
	timed, cancel := context.WithTimeout(ctx, k.left)
	defer cancel()
	sent, durable := wave[:0], []int(nil)
	for _, i := range wave {
		if k.ops[i].durability != nil {
			durable = append(durable, i)
		} else if err := sender.addPatiently(timed, k.ops[i]); err != nil {
			k.results[i].Err = err
		} else {
			sent = append(sent, i)
		}
	}
	for _, i := range sent {
		err := sender.wait(timed, k.ops[i])
		k.end(i, err, done)
	}
	k.left -= time.Duration(monotonic() - began)
	for _, i := range durable {
		k.sendDurable(ctx, i, done)
	}
}

// end notes the outcome of an item.
func (k *chunk) end(i int, err error, done guardSet) {
	if k.results[i].Err = err; err != nil && !errors.Is(err, ErrDuplicate) {
		return
	}
	op, c := k.ops[i], k.client
	k.results[i] = op.job
	k.results[i].Err = err
	done.add(op)
	q := op.queue
	op.recycle()
	if q.isToBeNoted(monotonic()) {
		k.noting = append(k.noting, q)
	}
	c.observeEnqueued(&k.results[i])
}

func (k *chunk) sendDurable(ctx context.Context, i int, done guardSet) {
	job, err := k.client.enqueueDurable(ctx, k.ops[i])
	if job != nil {
		k.results[i] = *job
		done.add(k.ops[i])
	}
	k.results[i].Err = err
}

func (s guardSet) add(op *enqueueOp) {
	var memory [2]guardKey
	for _, guard := range op.guards(memory[:0]) {
		s[guard] = struct{}{}
	}
}
