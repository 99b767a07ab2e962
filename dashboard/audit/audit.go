// Package audit keeps the trail of what people do through the monitor: on its dashboard, with its commands and in
// monitor top.
package audit

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

const (
	kept    = 10_000          // entries, about
	addTime = 5 * time.Second // at the most, for Redis to take an entry
)

// Entry is a line of the audit trail: who did what to what, and when.
type Entry struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	What   string    `json:"what"`             // such as "queue.pause"
	Target string    `json:"target"`           // such as the queue's name
	Detail string    `json:"detail,omitempty"` // such as a filter, and how many jobs matched
}

// Trail is the audit trail of a namespace: a stream that keeps about the last 10,000 entries.
type Trail struct {
	rdb redis.UniversalClient
	key string
}

// New returns the trail of a namespace, which defaults to [queue.DefaultNamespace]. rdb stays the caller's to close.
func New(rdb redis.UniversalClient, namespace string) *Trail {
	return &Trail{rdb: rdb, key: cmp.Or(namespace, queue.DefaultNamespace) + ":audit"}
}

// Add writes an entry, whose ID and time are Redis' to give. It does so also when ctx has ended, for what was done is
// done, and gives up after five seconds.
func (t *Trail) Add(ctx context.Context, e Entry) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), addTime)
	defer cancel()
	err := t.rdb.XAdd(ctx, &redis.XAddArgs{
		Stream: t.key, MaxLen: kept, Approx: true,
		Values: []any{"who", e.Who, "what", e.What, "target", e.Target, "detail", e.Detail},
	}).Err()
	if err != nil {
		return fmt.Errorf("audit: add %s: %w", e.What, err)
	}
	return nil
}

// List returns the latest entries first, limit at the most: those before the entry with an ID, or the last ones if
// before is "".
func (t *Trail) List(ctx context.Context, before string, limit int) ([]Entry, error) {
	from := "+"
	if before != "" {
		from = "(" + before
	}
	found, err := t.rdb.XRevRangeN(ctx, t.key, from, "-", int64(limit)).Result()
	if err != nil {
		return nil, fmt.Errorf("audit: read the trail: %w", err)
	}
	var entries []Entry
	for _, message := range found {
		text := func(name string) string { s, _ := message.Values[name].(string); return s }
		id, _ := redisx.ParseStreamID(message.ID)
		entries = append(entries, Entry{
			ID: message.ID, At: id.Time(),
			Who: text("who"), What: text("what"), Target: text("target"), Detail: text("detail"),
		})
	}
	return entries, nil
}

// Matching is the detail of an action on all jobs of a state that match a filter, of which so many were counted before
// it began: "dead kind:mail: 3 jobs".
func Matching(state inspect.State, filter string, count inspect.Count) string {
	jobs := "jobs"
	if count.Matched == 1 {
		jobs = "job"
	}
	detail := fmt.Sprintf("%d %s", count.Matched, jobs)
	if count.Truncated {
		detail = fmt.Sprintf("at least %s (of the first %d looked at)", detail, count.Scanned)
	}
	return strings.TrimSpace(string(state)+" "+filter) + ": " + detail
}
