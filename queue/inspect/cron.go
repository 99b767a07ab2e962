package inspect

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/cron"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// CronEntry is a job that is enqueued again and again, at the ticks of a spec: see Cron in package queue.
type CronEntry struct {
	Queue string `json:"queue"`
	Name  string `json:"name"`
	CronSettings

	State    CronState    `json:"state"`
	Zone     string       `json:"zone,omitempty"`    // the time zone of its spec
	Version  int64        `json:"version,omitempty"` // of the code that has declared it; 0 if a person has added it
	Declared bool         `json:"declared"`          // a worker that lives declares it
	Edited   *Attribution `json:"edited,omitempty"`  // by a person: what code declares does not count since
	Paused   *Attribution `json:"paused,omitempty"`

	Next     *time.Time  `json:"next,omitempty"`     // the next tick; nil while it is paused
	Upcoming []time.Time `json:"upcoming,omitempty"` // the next five ticks, in the spec's zone
	Held     bool        `json:"held,omitempty"`     // the tick waits for the end of the entry's last job
	LateMS   int64       `json:"late_ms,omitempty"`  // by how much the next tick is overdue
	Last     *CronTick   `json:"last,omitempty"`     // what became of the last tick; nil if there was none
	Job      string      `json:"job,omitempty"`      // the ID of its last job
	Problem  string      `json:"problem,omitempty"`  // why it is not enqueued any more
}

// CronSettings is what a person sets of a [CronEntry].
type CronSettings struct {
	Spec    string          `json:"spec"`
	Kind    string          `json:"kind"`
	Data    json.RawMessage `json:"data,omitempty"`
	CatchUp int             `json:"catch_up"` // how many missed ticks are made up for, the last
	Overlap string          `json:"overlap"`  // allow, skip or queue
	Jitter  time.Duration   `json:"jitter"`   // how much later than its tick a job is enqueued at the most
}

// CronTick is what became of a tick of a cron entry.
type CronTick struct {
	Tick time.Time `json:"tick"`
	At   time.Time `json:"at"` // when that was decided
	// enqueued; skipped, since a job had not ended; missed, the first of several; duplicate, since there was such a job;
	// or run, by a person
	Outcome string `json:"outcome"`
	LateMS  int64  `json:"late_ms"`
}

// overlapAllow stands for what is nothing in Redis.
const overlapAllow = "allow"

// Crons lists the cron entries of a queue by name, of which there are at most 1000.
func (i *Inspector) Crons(ctx context.Context, queue string) ([]CronEntry, error) {
	entries, err := i.crons(ctx, queue)
	if err != nil {
		return nil, fmt.Errorf("queue: cron entries of %s: %w", queue, err)
	}
	return entries, nil
}

func (i *Inspector) crons(ctx context.Context, queue string) ([]CronEntry, error) {
	q, err := i.find(ctx, queue)
	if err != nil {
		return nil, err
	}
	texts, err := i.cronTexts(ctx, q)
	if err != nil || len(texts) == 0 {
		return nil, err
	}
	declared, err := i.declaredCrons(ctx, q)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(texts))
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	var entries []CronEntry
	for page := range slices.Chunk(names, 100) {
		some, err := i.readCrons(ctx, q, page, texts, declared)
		if err != nil {
			return nil, err
		}
		entries = append(entries, some...)
	}
	return entries, nil
}

// cronTexts returns the entries of a queue as they are in Redis.
func (i *Inspector) cronTexts(ctx context.Context, q *wire.QueueRef) (map[string]string, error) {
	texts := map[string]string{}
	for cursor := uint64(0); ; {
		pairs, next, err := i.rdb.HScan(ctx, q.Cron(), cursor, "", 50).Result()
		if err != nil {
			return nil, err
		}
		for k := 0; k+1 < len(pairs); k += 2 {
			texts[pairs[k]] = pairs[k+1]
		}
		if cursor = next; cursor == 0 || len(texts) > wire.MaxCronEntries {
			return texts, nil
		}
	}
}

// declaredCrons are the entries that workers declare which live.
func (i *Inspector) declaredCrons(ctx context.Context, q *wire.QueueRef) (map[string]bool, error) {
	consumers, err := i.rdb.ZRange(ctx, q.Workers(), 0, -1).Result()
	if err != nil {
		return nil, err
	}
	pipe := i.rdb.Pipeline()
	fields := make([]*redis.StringCmd, len(consumers))
	for n, consumer := range consumers {
		fields[n] = pipe.HGet(ctx, q.Worker(consumer), "crons")
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	declared := map[string]bool{}
	for _, field := range fields {
		for _, name := range strings.Fields(field.Val()) {
			declared[name] = true
		}
	}
	return declared, nil
}

// readCrons reads where entries stand.
func (i *Inspector) readCrons(
	ctx context.Context, q *wire.QueueRef, names []string, texts map[string]string, declared map[string]bool,
) ([]CronEntry, error) {
	pipe := i.rdb.Pipeline()
	now, states := pipe.Time(ctx), pipe.HMGet(ctx, q.CronState(), names...)
	due, last := make([]*redis.FloatCmd, len(names)), make([]*redis.StringCmd, len(names))
	for n, name := range names {
		due[n], last[n] = pipe.ZScore(ctx, q.CronNext(), name), pipe.LIndex(ctx, q.CronHistory(name), 0)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	entries := make([]CronEntry, len(names))
	for n, name := range names {
		text, _ := states.Val()[n].(string)
		e := readCron(q.Name, name, texts[name], wire.ReadCronState(text))
		e.Declared = declared[name]
		if tick, ok := readCronTick(last[n].Val()); ok {
			e.Last = &tick
		}
		switch {
		case due[n].Err() == nil:
			e.LateMS = max(now.Val().UnixMilli()-int64(due[n].Val()), 0)
		case e.Paused == nil && e.Problem == "":
			e.Problem = "it has no next tick"
		}
		e.State = e.state()
		entries[n] = e
	}
	return entries, nil
}

func readCron(queue, name, text string, state wire.CronState) CronEntry {
	e := CronEntry{Queue: queue, Name: name, Held: state.Held}
	if len(state.Jobs) > 0 {
		e.Job = state.Jobs[len(state.Jobs)-1]
	}
	stored, err := wire.DecodeCronEntry(text)
	if err != nil {
		e.Problem = err.Error()
		return e
	}
	e.CronSettings = CronSettings{
		Spec: stored.Spec, Kind: stored.Kind, Data: stored.Data, CatchUp: stored.CatchUp,
		Overlap: cmp.Or(stored.Overlap, overlapAllow), Jitter: stored.JitterFor(),
	}
	e.Version, e.Edited, e.Paused = stored.Version, attributionOf(stored.Edited), attributionOf(stored.Paused)
	next, err := cron.Parse(stored.Spec)
	if err != nil {
		e.Problem = err.Error()
		return e
	}
	e.Zone = next(time.Unix(0, 0)).Location().String()
	if e.Paused == nil && !state.Tick.IsZero() {
		e.Next = &state.Tick
		for at := next(state.Tick.Add(-time.Millisecond)); !at.IsZero() && len(e.Upcoming) < 5; at = next(at) {
			e.Upcoming = append(e.Upcoming, at)
		}
	}
	return e
}

func attributionOf(p *wire.CronPerson) *Attribution {
	if p == nil {
		return nil
	}
	a := p.Attribution()
	return &Attribution{By: a.By, At: a.At}
}

// readCronTick reads a line of an entry's history.
func readCronTick(line string) (t CronTick, ok bool) {
	words := strings.Fields(line)
	if len(words) != 3 {
		return t, false
	}
	at, err := strconv.ParseInt(words[0], 10, 64)
	tick, err2 := strconv.ParseInt(words[1], 10, 64)
	if err != nil || err2 != nil {
		return t, false
	}
	t = CronTick{Tick: inCalendar(time.UnixMilli(tick)), At: inCalendar(time.UnixMilli(at)), Outcome: words[2]}
	t.LateMS = max(at-tick, 0)
	return t, true
}

// Cron returns a cron entry of a queue. [ErrNoCron] if there is none of that name.
func (i *Inspector) Cron(ctx context.Context, queue, name string) (CronEntry, error) {
	q, err := i.find(ctx, queue)
	if err != nil {
		return CronEntry{}, cronError("look at", queue, name, err)
	}
	e, err := i.cron(ctx, q, name)
	if err != nil {
		return CronEntry{}, cronError("look at", queue, name, err)
	}
	return e, nil
}

func (i *Inspector) cron(ctx context.Context, q *wire.QueueRef, name string) (CronEntry, error) {
	text, err := wire.ReadCron(ctx, i.rdb, q, name)
	switch {
	case err != nil:
		return CronEntry{}, err
	case text == "":
		return CronEntry{}, ErrNoCron
	}
	declared, err := i.declaredCrons(ctx, q)
	if err != nil {
		return CronEntry{}, err
	}
	entries, err := i.readCrons(ctx, q, []string{name}, map[string]string{name: text}, declared)
	if err != nil {
		return CronEntry{}, err
	}
	return entries[0], nil
}

// CronHistory lists what became of the last ticks of an entry, the newest first, a hundred at the most.
func (i *Inspector) CronHistory(ctx context.Context, queue, name string) ([]CronTick, error) {
	q, err := i.find(ctx, queue)
	if err != nil {
		return nil, cronError("history of", queue, name, err)
	}
	if _, err := i.cron(ctx, q, name); err != nil {
		return nil, cronError("history of", queue, name, err)
	}
	lines, err := i.rdb.LRange(ctx, q.CronHistory(name), 0, 99).Result()
	if err != nil {
		return nil, cronError("history of", queue, name, err)
	}
	ticks := make([]CronTick, 0, len(lines))
	for _, line := range lines {
		if t, ok := readCronTick(line); ok {
			ticks = append(ticks, t)
		}
	}
	return ticks, nil
}

func cronError(doing, queue, name string, err error) error {
	return fmt.Errorf("queue: %s cron entry %s of %s: %w", doing, name, queue, err)
}
