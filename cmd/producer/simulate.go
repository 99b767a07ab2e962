package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/jobs"
	"github.com/navvy-go/navvy/queue"
)

const tickInterval = 50 * time.Millisecond

func simulateCommand() *cli.Command {
	return &cli.Command{
		Name:  "simulate",
		Usage: "enqueue what a shop would: orders to charge, and what its visitors do",
		Description: `Orders are payment.charge on the queue orders, events are analytics.track on the queue events. It
goes on until --count, --for or Ctrl-C ends it, and prints what it enqueued as a line of JSON.

Examples:

   producer simulate
   producer simulate --orders 100 --events 0 --for 1m
   producer simulate --count 200`,
		Flags: []cli.Flag{
			&cli.Float64Flag{Name: "orders", Value: 20, Usage: "orders per second"},
			&cli.Float64Flag{Name: "events", Value: 50, Usage: "events per second"},
			&cli.IntFlag{Name: "count", Usage: "end after `N` orders, and events in proportion"},
			&cli.DurationFlag{Name: "for", Usage: "end after this time, e.g. 1m"},
		},
		Action: simulate,
	}
}

// simulateSummary is what simulate prints at the end.
type simulateSummary struct {
	Orders  int64   `json:"orders"`
	Events  int64   `json:"events"`
	Seconds float64 `json:"seconds"`
}

func simulate(c *cli.Context) error {
	if _, err := command.Arguments(c); err != nil {
		return err
	}
	plan, err := newPlan(c)
	if err != nil {
		return err
	}
	return withClient(c, func(client *queue.Client) error {
		started := time.Now()
		summary, err := plan.run(c.Context, client, newShop())
		summary.Seconds = time.Since(started).Round(time.Millisecond).Seconds()
		return errors.Join(command.NewLines(c.App.Writer).Print(summary), err)
	})
}

// plan says how many orders and events are enqueued, and how fast.
type plan struct {
	orders, events       float64 // per second
	maxOrders, maxEvents int64   // -1: no end
	duration             time.Duration
}

func newPlan(c *cli.Context) (plan, error) {
	p := plan{orders: c.Float64("orders"), events: c.Float64("events"), duration: c.Duration("for")}
	p.maxOrders, p.maxEvents = -1, -1
	const fastest = 1e6
	switch count := c.Int("count"); {
	case !(p.orders >= 0 && p.orders <= fastest && p.events >= 0 && p.events <= fastest):
		return p, command.Usage("--orders and --events are rates from 0 to %.0f per second", fastest)
	case p.orders == 0 && p.events == 0:
		return p, command.Usage("--orders and --events are both 0: there is nothing to simulate")
	case c.IsSet("for") && p.duration == 0:
		return p, command.Usage("--for 0s simulates nothing; leave it out to go on until stopped")
	case p.duration < 0 || count < 0:
		return p, command.Usage("--for and --count must not be negative")
	case c.IsSet("count") && (count == 0 || p.orders == 0):
		return p, command.Usage("--count counts orders: it and --orders must be above 0")
	case count > 0:
		p.maxOrders = int64(count)
		p.maxEvents = int64(min(float64(count)*p.events/p.orders, 1<<53))
	}
	return p, nil
}

// run enqueues at each tick what is owed by then, until the plan is done or ctx ends.
func (p plan) run(ctx context.Context, client *queue.Client, shop *shop) (simulateSummary, error) {
	var sent simulateSummary
	tick := time.NewTicker(tickInterval)
	defer tick.Stop()
	for started := time.Now(); ; {
		elapsed := time.Since(started)
		if p.duration > 0 {
			elapsed = min(elapsed, p.duration)
		}
		orders, events := owed(p.orders, elapsed, p.maxOrders)-sent.Orders, owed(p.events, elapsed, p.maxEvents)-sent.Events
		if err := send(ctx, client, shop, orders, events, &sent); err != nil {
			if ctx.Err() != nil {
				return sent, nil // stopped by a signal, which is how it usually ends
			}
			return sent, fmt.Errorf("%w; start it again when Redis is well", err)
		}
		if p.done(sent) || p.duration > 0 && elapsed >= p.duration {
			return sent, nil
		}
		select {
		case <-ctx.Done():
			return sent, nil
		case <-tick.C:
		}
	}
}

func (p plan) done(sent simulateSummary) bool {
	return p.maxOrders >= 0 && sent.Orders >= p.maxOrders && sent.Events >= p.maxEvents
}

// owed is how many there should be after elapsed, limit at the most unless it is negative.
func owed(rate float64, elapsed time.Duration, limit int64) int64 {
	n := int64(rate * elapsed.Seconds())
	if limit >= 0 {
		n = min(n, limit)
	}
	return n
}

// send enqueues orders and events and counts those that Redis has.
func send(ctx context.Context, client *queue.Client, shop *shop, orders, events int64, sent *simulateSummary) error {
	var items []queue.Item
	for range orders {
		items = append(items, queue.Item{Args: shop.order(), Options: []queue.EnqueueOption{queue.On(jobs.Orders)}})
	}
	for range events {
		items = append(items, queue.Item{Args: shop.event(), Options: []queue.EnqueueOption{queue.On(jobs.Events)}})
	}
	if len(items) == 0 {
		return nil
	}
	results, err := client.EnqueueMany(ctx, items)
	for i, result := range results {
		switch {
		case result.Err != nil:
		case int64(i) < orders:
			sent.Orders++
		default:
			sent.Events++
		}
	}
	return err
}
