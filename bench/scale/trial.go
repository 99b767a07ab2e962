package main

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// trial is a filled Redis, a monitor that looks at it, and what came of it.
type trial struct {
	rdb     *redis.Client
	address string
	probe   probe
	monitor *monitor
	report  *report
	big     backlog
	open    time.Duration
}

// watching runs a part of the measurement and writes which commands Redis ran for it.
func (t *trial) watching(ctx context.Context, name string, part func() error) error {
	if err := t.probe.reset(ctx); err != nil {
		return err
	}
	if err := part(); err != nil {
		return err
	}
	all, err := t.probe.uses(ctx)
	t.report.uses(name, all)
	return err
}

func (t *trial) pages(ctx context.Context) error {
	at, err := samples(ctx, t.rdb, t.big)
	if err != nil {
		return err
	}
	return t.watching(ctx, "pages", func() error {
		visits, err := visitAll(ctx, t.monitor, t.probe, addresses(t.big.queue, at))
		if err == nil {
			t.report.pages(visits)
		}
		return err
	})
}

func (t *trial) watch(ctx context.Context) error {
	idle, err := t.probe.idle(ctx, 5*time.Second)
	if err != nil {
		return err
	}
	queue := "queue=" + t.big.queue
	return t.watching(ctx, "open dashboard", func() error {
		var all []watched
		for _, page := range []address{
			{"overview", "/", 200}, {"pending", "/pending?" + queue, 200}, {"pending, stuck", "/pending?" + queue +
				"&q=is:stuck", 200},
			{"dead", "/dead?" + queue, 200}, {"workers", "/workers", 200}, {"redis", "/redis", 200}, {"locks", "/locks", 200},
		} {
			seen, err := watch(ctx, t.monitor, t.probe, page, t.open, idle)
			if err != nil {
				return err
			}
			all = append(all, seen)
		}
		t.report.watched(all)
		return nil
	})
}
