package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
)

const (
	callers   = 32 // goroutines that enqueue: some wait for Redis while others go on
	askTimes  = 20 // how often a call that may be repeated is
	callLimit = 3 * time.Second
)

// producers enqueue jobs of every kind and write down the answers.
type producers struct {
	client *queue.Client
	rdb    *redis.Client
	book   *ledger
	lease  time.Duration
	names  atomic.Int64
	told   atomic.Int64 // jobs that were acknowledged
}

func newProducers(addr string, lease time.Duration, book *ledger) (*producers, error) {
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	client, err := queue.NewClient(rdb, queue.ClientConfig{Timeout: callLimit})
	if err != nil {
		_ = rdb.Close()
		return nil, err
	}
	return &producers{client: client, rdb: rdb, book: book, lease: lease}, nil
}

func (p *producers) close() error { return errors.Join(p.client.Close(), p.rdb.Close()) }

// run enqueues rate jobs a second until ctx ends. When all callers wait for Redis, jobs are left out, not saved up.
func (p *producers) run(ctx context.Context, rate int, rng *rand.Rand) {
	turns := make(chan struct{})
	poison := make(chan struct{}, 1)
	var wg sync.WaitGroup
	for range callers {
		own := rand.New(rand.NewPCG(rng.Uint64(), 0))
		wg.Go(func() {
			for range turns {
				k := pickKind(own)
				select {
				case <-poison:
					k = kindOf([]string{kindPoison, poisonBatch}[own.IntN(2)])
				default:
				}
				p.enqueue(k, own)
			}
		})
	}
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	nextPoison := time.Now().Add(poisonEvery / 5)
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			continue
		}
		if time.Now().After(nextPoison) {
			nextPoison = time.Now().Add(poisonEvery)
			select {
			case poison <- struct{}{}:
			default:
			}
		}
		select {
		case turns <- struct{}{}:
		default:
		}
	}
	close(turns)
	wg.Wait()
}

// enqueue makes one job and writes down what became of it. A job whose call may be repeated is asked for until the
// outcome is known.
func (p *producers) enqueue(k *kind, rng *rand.Rand) {
	name := fmt.Sprintf("j%06d", p.names.Add(1))
	data, called := payload{Job: name}, k.name
	if k.batch {
		data.Role, called = k.name, kindBatched
	}
	if k.fill != nil {
		k.fill(rng, p.lease, &data)
	}
	text, err := json.Marshal(data)
	if err != nil {
		p.book.write(line{Said: saidRefused, Job: name, Kind: k.name, Note: err.Error()})
		return
	}
	opts := []queue.EnqueueOption{queue.On(pickQueue(rng))}
	if k.opts != nil {
		opts = append(opts, k.opts(rng, name)...)
	}
	for try := 1; ; try++ {
		job, err := p.client.Enqueue(context.Background(), queue.JSON(called, text), opts...)
		l := answered(job, err)
		l.Job, l.Kind = name, k.name
		if l.Said == saidDuplicate && try > 1 && l.ID == "named-"+name {
			l.Said = saidEnqueued // an earlier try of ours has arrived
		}
		p.book.write(l)
		if l.Said == saidEnqueued {
			p.told.Add(1)
		}
		if l.Said == saidUnknown && k.again && try < askTimes {
			continue
		}
		return
	}
}

// answered is what a producer may write down of an answer.
func answered(job *queue.Enqueued, err error) line {
	switch {
	case errors.Is(err, queue.ErrUnknownOutcome):
		return line{Said: saidUnknown, Note: err.Error()}
	case err != nil:
		return line{Said: saidRefused, Note: err.Error()}
	case job.Duplicate:
		return line{Said: saidDuplicate, ID: job.ID, Queue: job.Queue}
	}
	l := line{Said: saidEnqueued, ID: job.ID, Queue: job.Queue}
	if job.Due != nil {
		l.Until = job.Due.UnixNano()
	}
	return l
}

// pickQueue chooses a queue by the weights that the workers give them.
func pickQueue(rng *rand.Rand) string {
	switch n := rng.IntN(8); {
	case n < 5:
		return "orders"
	case n < 7:
		return "mails"
	}
	return "reports"
}
