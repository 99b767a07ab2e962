package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

const (
	kindWork   = "work"
	everyCall  = 100 * time.Millisecond // of one producer
	askedAgain = 20 * time.Millisecond
	plain      = 5 // producers of a queue, and
	durable    = 2 // those whose jobs are with a replica before they are acknowledged
)

// task is what a job does.
type task struct {
	Sleep time.Duration `json:"sleep,omitempty"`
	Fails string        `json:"fails,omitempty"` // with so long an error at its first attempt
}

// taskOf mixes jobs: most are quick, some last as long as a failover, some fail at first.
func taskOf(n int64) task {
	switch {
	case n%50 == 0:
		return task{Sleep: 4 * time.Second}
	case n%10 == 0:
		return task{Sleep: 300 * time.Millisecond}
	case n%17 == 0:
		return task{Fails: strings.Repeat("it fails at first. ", 100)}
	}
	return task{}
}

// producer enqueues jobs with IDs of its choice, each until it is acknowledged: that is safe, since the second call of
// an ID enqueues nothing.
type producer struct {
	book    *ledger
	client  *queue.Client
	name    string
	side    string
	queue   string
	durable bool
}

func (p *producer) run(ctx context.Context, phase time.Duration) {
	pause.For(ctx, phase)
	tick := time.NewTicker(everyCall)
	defer tick.Stop()
	for n := int64(1); ; n++ {
		select {
		case <-tick.C:
			p.enqueue(ctx, fmt.Sprintf("%s-%d", p.name, n), taskOf(n))
		case <-ctx.Done():
			return
		}
	}
}

func (p *producer) enqueue(ctx context.Context, id string, t task) {
	opts := []queue.EnqueueOption{queue.On(p.queue), queue.ID(id)}
	if p.durable {
		opts = append(opts, queue.Durable(queue.Replicated(1, 500*time.Millisecond)))
	}
	data := fmt.Appendf(nil, `{"sleep":%d,"fails":%q}`, t.Sleep, t.Fails)
	p.book.asks(id, p.queue, p.side, p.durable)
	for {
		if _, err := p.client.Enqueue(ctx, queue.JSON(kindWork, data), opts...); err == nil {
			p.book.acknowledged(id)
			return
		}
		if !pause.For(ctx, askedAgain) {
			return
		}
	}
}

// bare is the yardstick: a client of the library alone, with its own settings, which adds entries to streams.
type bare struct {
	rdb redis.UniversalClient

	mu    sync.Mutex
	acked map[string]map[string]int64 // by stream and number: when
}

func bareStream(queue string) string { return "bare:{" + queue + "}" }

// run adds entries to a queue's stream as fast as a producer adds jobs to the queue.
func (b *bare) run(ctx context.Context, name, queue string, phase time.Duration) {
	pause.For(ctx, phase)
	tick := time.NewTicker(everyCall)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		value, stream := fmt.Sprintf("%s-%d", name, n), bareStream(queue)
		if b.rdb.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: []any{"n", value}}).Err() == nil {
			b.mu.Lock()
			if b.acked[stream] == nil {
				b.acked[stream] = map[string]int64{}
			}
			b.acked[stream][value] = now()
			b.mu.Unlock()
		}
	}
}

// account finds which of the acknowledged entries are there.
func (b *bare) account(ctx context.Context, rdb redis.UniversalClient) ([]bareWrite, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var writes []bareWrite
	for stream, acked := range b.acked {
		entries, err := rdb.XRange(ctx, stream, "-", "+").Result()
		if err != nil {
			return nil, fmt.Errorf("failover: read %s: %w", stream, err)
		}
		there := map[string]bool{}
		for _, entry := range entries {
			value, _ := entry.Values["n"].(string)
			there[value] = true
		}
		for value, at := range acked {
			writes = append(writes, bareWrite{acked: at, there: there[value]})
		}
	}
	return writes, nil
}
