package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/inspect"
)

// holder is a consumer that holds entries of a queue.
type holder struct {
	Name      string            `json:"consumer"`
	Count     int64             `json:"count"`
	Heartbeat inspect.Heartbeat `json:"heartbeat"`
	Lease     time.Duration     `json:"lease_left_ns"` // negative when overdue
}

func loadPending(ctx context.Context, d *Dashboard, r *Request) (any, error) {
	l, err := d.list(ctx, r, inspect.StateInFlight)
	if err == nil && l.Queue != "" {
		l.Holders, err = d.holders(ctx, l.Info)
	}
	return l, err
}

// holders lists the consumers that hold entries of a queue, the one with most first. It costs two round trips, however
// many entries they hold.
func (d *Dashboard) holders(ctx context.Context, info inspect.QueueInfo) ([]holder, error) {
	pending, err := d.cfg.Redis.XPending(ctx, info.Stream, info.Group).Result()
	if redis.HasErrorPrefix(err, "NOGROUP") {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the consumers of %s: %w", info.Name, err)
	}
	workers, err := d.inspector.Workers(ctx, info.Name)
	if err != nil {
		return nil, err
	}
	registered := map[string]inspect.WorkerInfo{}
	for _, w := range workers {
		registered[w.Name] = w
	}
	holders := make([]holder, 0, len(pending.Consumers))
	for name, n := range pending.Consumers {
		w := registered[name]
		h := holder{name, n, w.Heartbeat, time.Duration(w.LeaseMS) * time.Millisecond}
		switch {
		case inspect.IsParking(name):
			h.Heartbeat = inspect.HeartbeatParked
		case h.Heartbeat == "":
			h.Heartbeat = inspect.HeartbeatGone
		}
		holders = append(holders, h)
	}
	slices.SortFunc(holders, func(a, b holder) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Name, b.Name))
	})
	return holders, nil
}

// preset is a link to a filter that is often used.
type preset struct {
	Name   string
	Filter string
	Says   string // shown if there are none
}

var presets = []preset{
	{"All", "", "No job is in flight."},
	{"Stuck", "is:stuck", "No job is stuck."},
	{"Poison", "is:poison", "No job has crashed its workers repeatedly."},
	{"Orphaned", "is:orphaned", "No job is waiting for another worker."},
}
