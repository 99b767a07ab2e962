// Package audit keeps the trail of what people do through the monitor: on its dashboard, with its commands and in
// monitor top.
package audit

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

const (
	keptFor     = 400 * 24 * time.Hour
	keptMost    = 1_000_000 // entries, about: a bound for Redis, which nobody comes near
	refusedMost = 20_000    // entries, about
	trimEvery   = 100       // entries of one process; the first one trims
	exportPage  = 500
	addTime     = 5 * time.Second // at the most, for Redis to take an entry
	dataMost    = 8 << 10         // bytes of what was there before an edit, and after
	idsMost     = 4 << 10         // bytes of IDs in one entry
)

// Entry is a line of the audit trail: who did what to what, and when.
type Entry struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Who     string    `json:"who"`
	What    string    `json:"what"`              // such as "queue.pause"
	Target  string    `json:"target"`            // such as the queue's name
	Detail  string    `json:"detail,omitempty"`  // such as the jobs' IDs, or a filter, and how many jobs matched
	Address string    `json:"address,omitempty"` // of the client; none for a command
	Before  string    `json:"before,omitempty"`  // of an edit
	After   string    `json:"after,omitempty"`
}

// Trail is the audit trail of a namespace: a stream of what was done, kept for 400 days, and a shorter one of what was
// refused, which strangers can fill without pushing anything out of the first.
type Trail struct {
	rdb     redis.UniversalClient
	key     string
	refused bool
	added   atomic.Int64
}

// New returns the trail of a namespace, which defaults to [queue.DefaultNamespace]. rdb stays the caller's to close.
func New(rdb redis.UniversalClient, namespace string) *Trail {
	return &Trail{rdb: rdb, key: cmp.Or(namespace, queue.DefaultNamespace) + ":audit"}
}

// Refused returns the trail of what was refused there: wrong passwords and tokens, and what a role does not allow.
func (t *Trail) Refused() *Trail {
	return &Trail{rdb: t.rdb, key: t.key + ":refused", refused: true}
}

// Add writes an entry, whose ID and time are Redis' to give. It does so also when ctx has ended, for what was done is
// done, and gives up after five seconds.
func (t *Trail) Add(ctx context.Context, e Entry) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), addTime)
	defer cancel()
	values := []any{"who", e.Who, "what", e.What, "target", e.Target, "detail", e.Detail}
	for _, optional := range [][2]string{
		{"address", e.Address}, {"before", clip(e.Before, dataMost)}, {"after", clip(e.After, dataMost)},
	} {
		if optional[1] != "" {
			values = append(values, optional[0], optional[1])
		}
	}
	id, err := t.rdb.XAdd(ctx, &redis.XAddArgs{Stream: t.key, Values: values}).Result()
	if err != nil {
		return fmt.Errorf("audit: add %s: %w", e.What, err)
	}
	if t.added.Add(1)%trimEvery == 1 {
		t.trim(ctx, id)
	}
	return nil
}

// trim deletes what is too old, by Redis' clock, which has given the last entry its ID. If it fails, the next one does
// it.
func (t *Trail) trim(ctx context.Context, last string) {
	id, ok := redisx.ParseStreamID(last)
	if !ok {
		return
	}
	most := int64(keptMost)
	if t.refused {
		most = refusedMost
	}
	_, _ = t.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.XTrimMinIDApprox(ctx, t.key, strconv.FormatInt(id.Time().Add(-keptFor).UnixMilli(), 10), 0)
		pipe.XTrimMaxLenApprox(ctx, t.key, most, 0)
		return nil
	})
}

// clip returns the beginning of a text that is too long, and how long it is.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(text[:most], ""), len(text))
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
	return entriesOf(found), nil
}

// Export calls write for each entry since then, the oldest first, until it fails.
func (t *Trail) Export(ctx context.Context, since time.Time, write func(Entry) error) error {
	from := strconv.FormatInt(max(since.UnixMilli(), 0), 10)
	for {
		found, err := t.rdb.XRangeN(ctx, t.key, from, "+", exportPage).Result()
		if err != nil {
			return fmt.Errorf("audit: read the trail: %w", err)
		}
		for _, e := range entriesOf(found) {
			if err := write(e); err != nil {
				return err
			}
			from = "(" + e.ID
		}
		if len(found) < exportPage {
			return nil
		}
	}
}

func entriesOf(found []redis.XMessage) []Entry {
	var entries []Entry
	for _, message := range found {
		text := func(name string) string { s, _ := message.Values[name].(string); return s }
		id, _ := redisx.ParseStreamID(message.ID)
		entries = append(entries, Entry{
			ID: message.ID, At: id.Time(), Address: text("address"), Before: text("before"), After: text("after"),
			Who: text("who"), What: text("what"), Target: text("target"), Detail: text("detail"),
		})
	}
	return entries
}

// Chunks puts IDs into lines, each short enough for the detail of an entry: an action on many jobs is several entries.
func Chunks(ids []string) []string {
	var lines []string
	for _, id := range ids {
		if n := len(lines) - 1; n >= 0 && len(lines[n])+1+len(id) <= idsMost {
			lines[n] += " " + id
			continue
		}
		lines = append(lines, id)
	}
	return lines
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
