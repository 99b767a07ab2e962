package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Bounds of cron entries, so that all that are due fit into a few calls.
const (
	MaxCronName    = 100      // bytes: the name is a part of the jobs' IDs
	MaxCronData    = 64 << 10 // bytes of the jobs' data
	MaxCronCatchUp = 1000     // ticks
	MaxCronJitter  = 24 * time.Hour
	MaxCronEntries = 1000 // of a queue

	cronWindow = time.Hour   // how long the ID of a tick's job is guarded after its end
	cronHeld   = time.Second // how often a tick is looked at that is held back
)

// What becomes of a tick while a job of its entry has not ended.
const (
	OverlapAllow = ""
	OverlapSkip  = "skip"
	OverlapQueue = "queue"
)

// ValidateCronName refuses what would make an entry's key or the IDs of its jobs ambiguous.
func ValidateCronName(name string) error {
	if err := ValidateName(name); err != nil {
		return err
	}
	if len(name) > MaxCronName {
		return fmt.Errorf("must not be longer than %d bytes", MaxCronName)
	}
	return nil
}

// CronEntry is a job that is enqueued at the times of a spec, as it is in Redis.
type CronEntry struct {
	Spec    string          `json:"spec"`
	Kind    string          `json:"kind"`
	Data    json.RawMessage `json:"data"`
	Meta    Meta            `json:"meta,omitzero"` // of its jobs: how they are run
	CatchUp int             `json:"catch_up"`
	Overlap string          `json:"overlap,omitempty"`
	Jitter  int64           `json:"jitter_ms,omitempty"`
	Version int64           `json:"version,omitempty"` // of the code that has declared it

	Edited *CronPerson `json:"edited,omitempty"` // what code declares does not count since
	Paused *CronPerson `json:"paused,omitempty"`
}

// CronPerson is who has done something to an entry, and when.
type CronPerson = storedAttribution

// NewCronPerson makes one of an attribution.
func NewCronPerson(a Attribution) *CronPerson { return &CronPerson{By: a.By, At: a.At.UnixMilli()} }

// Attribution is the person as other acts have it.
func (p storedAttribution) Attribution() Attribution {
	return Attribution{By: p.By, At: LimitTime(time.UnixMilli(p.At)).UTC()}
}

// Encode returns the entry as it is in Redis.
func (e *CronEntry) Encode() (string, error) {
	text, err := json.Marshal(e)
	return string(text), err
}

// DecodeCronEntry reads what Encode wrote.
func DecodeCronEntry(text string) (e CronEntry, err error) {
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return e, fmt.Errorf("cron entry: %w", err)
	}
	e.CatchUp = min(max(e.CatchUp, 0), MaxCronCatchUp)
	return e, nil
}

// JitterFor is how much later than its tick a job is enqueued at the most.
func (e *CronEntry) JitterFor() time.Duration { return min(Milliseconds(e.Jitter), MaxCronJitter) }

// metaAt is the meta of a job that is enqueued then.
func (e *CronEntry) metaAt(now time.Time) string {
	m := e.Meta
	m.Guarded, m.EnqueuedAt = true, now.UnixMilli()
	return m.Encode()
}

// ReadCron returns an entry as it is in Redis, "" if there is none.
func ReadCron(ctx context.Context, rdb redis.Cmdable, q *QueueRef, name string) (string, error) {
	text, err := rdb.HGet(ctx, q.Cron(), name).Result()
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	return text, err
}

// CronState is where an entry stands. Every change of the entry makes another text of it.
type CronState struct {
	Text string
	Tick time.Time // the next one; zero if there is none
	Held bool      // it waits for the end of the entry's last job
	Jobs []string  // the IDs of the entry's last jobs
}

// ReadCronState reads a state as scripts write it.
func ReadCronState(text string) CronState {
	s := CronState{Text: text}
	words := strings.Fields(text)
	if len(words) < 3 {
		return s
	}
	if ms := parseInt(words[1]); ms > 0 {
		s.Tick = LimitTime(time.UnixMilli(ms))
	}
	s.Held, s.Jobs = words[2] == "held", words[3:]
	return s
}

// CronDue is an entry that is due.
type CronDue struct {
	Name  string
	State CronState
	Entry CronEntry
	Err   error // it cannot be read
}

// DueCron lists entries that are due, count at the most, with the time by which they are; and in how long the next is
// due, negative if none is.
func DueCron(ctx context.Context, rdb redis.Scripter, q *QueueRef, clock Clock, count int) (
	due []CronDue, now time.Time, wait time.Duration, err error,
) {
	cells, err := scriptCronDue.Run(ctx, rdb, []string{q.Cron(), q.CronNext(), q.CronState(), q.Metrics()},
		clock.arg(clock.Own.UnixMilli()), count).Slice()
	if err != nil {
		return nil, now, 0, err
	}
	if len(cells) < 2 {
		return nil, now, 0, fmt.Errorf("%w: %d cells", ErrProtocol, len(cells))
	}
	ms, _ := cells[0].(int64)
	words := texts(cells[2:])
	for n := 0; n+2 < len(words); n += 3 {
		d := CronDue{Name: words[n], State: ReadCronState(words[n+1])}
		d.Entry, d.Err = DecodeCronEntry(words[n+2])
		due = append(due, d)
	}
	return due, time.UnixMilli(ms), waitOf(cells[1]), nil
}

// waitOf reads in how many ms something is due, negative if nothing is.
func waitOf(cell any) time.Duration {
	ms, _ := cell.(int64)
	if ms < 0 {
		return -1
	}
	return Milliseconds(ms)
}

// CronTick is what is to be done about an entry that is due.
type CronTick struct {
	*CronDue
	Ticks  []time.Time // whose jobs are enqueued
	Missed time.Time   // the first of those that are left out; zero if there are none
	Next   time.Time   // zero for none
	Due    time.Time   // when that is due
}

// TickCron enqueues what is due of each entry that has not changed since it was read. It returns how many entries have,
// and in how long the next one is due.
func TickCron(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, clock Clock, now time.Time, ticks []CronTick,
) (changed int, wait time.Duration, err error) {
	keys := []string{
		q.Stream, q.Delayed(), q.Retrying(), q.Bodies(), q.Dead(), q.CancelledJobs(), q.IDs(), q.IDsEnds(), q.Metrics(),
		q.CronNext(), q.CronState(),
	}
	args := []any{
		q.Group, clock.arg(clock.Own.UnixMilli()), cronWindow.Milliseconds(), cronHeld.Milliseconds(),
	}
	for i := range ticks {
		keys = append(keys, q.CronHistory(ticks[i].Name))
		args = ticks[i].appendTo(args, now)
	}
	reply, err := scriptCronTick.Run(ctx, rdb, keys, args...).Slice()
	if err != nil {
		return 0, 0, err
	}
	if len(reply) != 1+len(ticks) {
		return 0, 0, fmt.Errorf("%w: %d cells", ErrProtocol, len(reply))
	}
	for _, cell := range reply[1:] {
		if n, _ := cell.(int64); n < 0 {
			changed++
		}
	}
	return changed, waitOf(reply[0]), nil
}

func (t *CronTick) appendTo(args []any, now time.Time) []any {
	args = append(args, 9+len(t.Ticks), t.Name, t.State.Text, t.Entry.Overlap, msOrZero(t.Next), msOrZero(t.Due),
		t.Entry.Kind, string(t.Entry.Data), t.Entry.metaAt(now))
	if t.Missed.IsZero() {
		args = append(args, "")
	} else {
		args = append(args, t.Missed.UnixMilli())
	}
	for _, at := range t.Ticks {
		args = append(args, at.UnixMilli())
	}
	return args
}

func msOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// CronChange is what is to become of an entry.
type CronChange struct {
	Name   string
	Before string // the entry as it was read, "" if there was none
	After  string // as it is to be, "" to delete it

	Reset bool      // it gets another next tick
	Next  time.Time // zero for none
	Due   time.Time // when that is due
}

// ErrCronChanged says that a cron entry is not the one that was read.
var ErrCronChanged = errors.New("the cron entry has changed meanwhile")

// ErrManyCrons says that a queue has as many cron entries as it may have.
var ErrManyCrons = fmt.Errorf("a queue has at most %d cron entries", MaxCronEntries)

// SetCron writes or deletes an entry. [ErrCronChanged] if it is not the one that was read, [ErrManyCrons].
func SetCron(ctx context.Context, rdb redis.Scripter, q *QueueRef, c *CronChange) error {
	next := ""
	if c.Reset {
		next = strconv.FormatInt(msOrZero(c.Next), 10)
	}
	n, err := scriptCronSet.Run(ctx, rdb, []string{q.Cron(), q.CronNext(), q.CronState(), q.CronHistory(c.Name)},
		c.Name, c.Before, c.After, next, msOrZero(c.Due), MaxCronEntries).Int()
	switch {
	case err != nil:
		return err
	case n == 0:
		return ErrCronChanged
	case n == 2:
		return ErrManyCrons
	}
	return nil
}

// RunCron enqueues a job of an entry now, and returns its ID. [ErrCronChanged] if the entry is not the one that was
// read.
func RunCron(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, name, before string, e *CronEntry, now time.Time,
) (id string, err error) {
	id = "cron:" + name + ":run:" + strconv.FormatInt(now.UnixMilli(), 10)
	n, err := scriptCronRun.Run(ctx, rdb,
		[]string{q.Stream, q.IDs(), q.Cron(), q.CronState(), q.CronHistory(name)},
		name, before, id, cronWindow.Milliseconds(), e.Kind, string(e.Data), e.metaAt(now)).Int()
	if err == nil && n == 0 {
		err = ErrCronChanged
	}
	return id, err
}
