package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// KindMetrics is what workers did with the jobs of one kind since the queue was created.
type KindMetrics struct {
	Kind      string    `json:"kind"` // "~unknown" for all that had no handler
	Done      int64     `json:"done"`
	Failed    int64     `json:"failed"` // failed attempts, those that end a job included
	Snoozed   int64     `json:"snoozed"`
	Dead      int64     `json:"dead"`
	Cancelled int64     `json:"cancelled"`
	Expired   int64     `json:"expired"`
	Run       Histogram `json:"run"`
	Wait      Histogram `json:"wait"`
}

// QueueMetrics is what workers did in a queue since it was created. Workers write it with their heartbeats, so one that
// is killed loses half a second of it: [Totals] are exact, these are for rates.
type QueueMetrics struct {
	Kinds       []KindMetrics `json:"kinds"` // by name
	Redelivered int64         `json:"redelivered"`
	Reclaimed   int64         `json:"reclaimed"`
	LeaseLost   int64         `json:"lease_lost"`
	Caretaker   string        `json:"caretaker"` // the worker that does the queue's chores; "" if none
}

// Metrics reads what workers did in a queue. It is a few dozen numbers for each kind that they know.
func (i *Inspector) Metrics(ctx context.Context, queue string) (QueueMetrics, error) {
	metrics, err := i.metrics(ctx, queue)
	if err != nil {
		return QueueMetrics{}, fmt.Errorf("queue: metrics of %s: %w", queue, err)
	}
	return metrics, nil
}

func (i *Inspector) metrics(ctx context.Context, queue string) (m QueueMetrics, err error) {
	q, err := i.find(ctx, queue)
	if err != nil {
		return m, err
	}
	fields := map[string]string{} // a scan may bring a field twice
	for cursor := uint64(0); ; {
		pairs, next, err := i.rdb.HScan(ctx, q.Metrics(), cursor, "", chunkJobs).Result()
		if err != nil {
			return m, err
		}
		for k := 0; k+1 < len(pairs); k += 2 {
			fields[pairs[k]] = pairs[k+1]
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	kinds, others := map[string]*KindMetrics{}, Stat{}
	for field, text := range fields {
		readMetric(kinds, &others, field, text)
	}
	for _, k := range kinds {
		m.Kinds = append(m.Kinds, *k)
	}
	slices.SortFunc(m.Kinds, func(a, b KindMetrics) int { return strings.Compare(a.Kind, b.Kind) })
	m.Redelivered, m.Reclaimed, m.LeaseLost = others.Redelivered, others.Reclaimed, others.LeaseLost
	m.Caretaker, err = i.rdb.Get(ctx, q.Caretaker()).Result()
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	return m, err
}

// readMetric takes in a field: <name>, <outcome>:<kind>, run_us:<kind> or run:<bucket>:<kind>.
func readMetric(kinds map[string]*KindMetrics, others *Stat, field, text string) {
	n, _ := strconv.ParseInt(text, 10, 64)
	name, kind, ofKind := strings.Cut(field, ":")
	if !ofKind {
		if to := others.counter(field); to != nil {
			*to = n
		}
		return
	}
	if name == "run" || name == "wait" {
		bucket, rest, _ := strings.Cut(kind, ":")
		name, kind = name+":"+bucket, rest
	}
	k := kinds[kind]
	if k == nil {
		k = &KindMetrics{Kind: kind}
		kinds[kind] = k
	}
	switch name {
	case "done":
		k.Done = n
	case "failed":
		k.Failed = n
	case "snoozed":
		k.Snoozed = n
	case "dead":
		k.Dead = n
	case "cancelled":
		k.Cancelled = n
	case "expired":
		k.Expired = n
	default:
		addSpan(&k.Run, &k.Wait, name, n)
	}
}
