package queue_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/cron"
	"github.com/navvy-go/navvy/queue/inspect"
)

// listedKey is a row of the first table of docs/keys.md.
type listedKey struct {
	pattern string
	match   *regexp.Regexp
	typ     string
	expires bool
	seen    bool
}

// listedKeys reads the table, for a namespace, queues and raw streams. <ns>, <stream> and <q> stand for what the file
// says, any other <name> for anything.
func listedKeys(t *testing.T, namespace string, streams, prefixes []string) []*listedKey {
	t.Helper()
	file, err := os.ReadFile("../docs/keys.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(file), "\n## The engine\n")
	section, _, _ = strings.Cut(section, "\n## ")
	anyOf := func(names []string) string {
		quoted := make([]string, len(names))
		for i, name := range names {
			quoted[i] = regexp.QuoteMeta(name)
		}
		return "(" + strings.Join(quoted, "|") + ")"
	}
	known := map[string]string{
		"<ns>": regexp.QuoteMeta(namespace), "<stream>": anyOf(streams), "<q>": anyOf(prefixes), "<minute>": `\d+`,
		"<hour>": `\d+`, "<lane>": "(high|low)",
	}
	var listed []*listedKey
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) != 8 || !strings.HasPrefix(line, "| `") {
			continue
		}
		pattern := strings.Trim(cells[1], " `")
		expression := regexp.MustCompile(`<[^>]+>`).ReplaceAllStringFunc(pattern, func(name string) string {
			if expression, ok := known[name]; ok {
				return expression
			}
			return ".+"
		})
		listed = append(listed, &listedKey{
			pattern: pattern, match: regexp.MustCompile("^" + expression + "$"),
			typ: strings.TrimSpace(cells[2]), expires: strings.TrimSpace(cells[3]) != "none",
		})
	}
	if len(listed) < 10 {
		t.Fatalf("docs/keys.md lists %d keys: its table was not understood", len(listed))
	}
	return listed
}

// compare holds every key of the server against the list.
func (f *fleet) compare(listed []*listedKey) {
	f.Helper()
	keys := f.rdb.Scan(f.Context(), 0, "*", 1000).Iterator()
	for keys.Next(f.Context()) {
		key := keys.Val()
		typ, ttl := f.rdb.Type(f.Context(), key).Val(), f.rdb.PTTL(f.Context(), key).Val()
		if typ == "none" || ttl == -2 {
			continue // it went between two commands
		}
		var rows []*listedKey
		for _, row := range listed {
			if row.match.MatchString(key) {
				rows = append(rows, row)
			}
		}
		if len(rows) != 1 {
			f.Fatalf("%s, a %s, is %d times in docs/keys.md", key, typ, len(rows))
		}
		row := rows[0]
		row.seen = true
		if row.typ != typ {
			f.Fatalf("%s is a %s, docs/keys.md says %s", key, typ, row.typ)
		}
		if expires := ttl > 0; expires != row.expires {
			f.Fatalf("%s has the TTL %s; docs/keys.md says that it expires: %t", key, ttl, row.expires)
		}
	}
	f.must(keys.Err())
}

func everyOutcome(b *blocker, hush <-chan struct{}) *queue.Mux {
	mux := queue.NewMux()
	mux.HandleKind("plain", noop)
	mux.HandleKind("broken", func(context.Context, *queue.Run) error { return errors.New("x") },
		queue.Backoff(time.Hour, time.Hour))
	mux.HandleKind("snooze", func(context.Context, *queue.Run) error { return queue.Snooze(time.Hour) })
	mux.HandleKind("cancel", func(context.Context, *queue.Run) error { return queue.Cancel(nil) })
	mux.HandleKind("keep", func(_ context.Context, run *queue.Run) error { return run.SetResult("kept") },
		queue.Retain(time.Hour))
	mux.HandleKind("deaf", func(context.Context, *queue.Run) error {
		<-hush
		return nil
	})
	mux.HandleKind("long", func(ctx context.Context, run *queue.Run) error {
		if err := run.SetProgress(ctx, 50, "half way"); err != nil {
			return err
		}
		return b.handle(ctx, run)
	})
	return mux
}

// cancelAndPause leaves a cancellation that no worker applies, and a pause.
func (f *fleet) cancelAndPause(running int64) {
	f.Helper()
	deaf := f.enqueue("deaf", `{}`)
	f.eventually("it runs", func() bool { return f.info().InFlight == running })
	f.must(f.inspect.Cancel(f.Context(), "orders", deaf.ID))
	f.must(f.inspect.Pause(f.Context(), "orders"))
}

// holdInLane makes a job of the lane high run that a worker died with, and that ignores its cancellation.
func (f *fleet) holdInLane() (id string) {
	f.Helper()
	in := f.stream() + ":lane:high"
	f.must(f.rdb.XGroupCreateMkStream(f.Context(), in, "workers", "0").Err())
	id = f.enqueue("deaf", `{}`, queue.Priority(queue.High), queue.ExpiresIn(time.Hour)).ID
	f.must(f.rdb.XReadGroup(f.Context(), &redis.XReadGroupArgs{
		Group: "workers", Consumer: "gone#1", Streams: []string{in, ">"}, Count: 1, Block: -1,
	}).Err())
	f.must(f.rdb.ZAdd(f.Context(), in+":workers", redis.Z{Score: 1, Member: "gone#1"}).Err())
	f.eventually("it runs in the worker", func() bool {
		job, err := f.inspect.Job(f.Context(), "orders", id)
		return err == nil && job.Heartbeat == inspect.HeartbeatAlive
	})
	return id
}

func TestEveryKeyIsListed(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t))
	const raw, tagged = "orders:queue", "shop:{7}:orders"
	listed := listedKeys(t, f.namespace, []string{f.stream(), raw, tagged}, []string{f.stream(), "{" + raw + "}", tagged})

	f.enqueue("long", `{}`, queue.ExpiresIn(time.Hour)) // a worker dies with it
	f.holdAs("gone#1", 1)
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), redis.Z{Score: 1, Member: "gone#1"}).Err())
	for _, kind := range []string{"plain", "broken", "snooze", "cancel", "keep", "nobody.knows"} {
		f.enqueue(kind, `{}`)
		f.enqueue(kind, `{}`, queue.In(time.Millisecond), queue.MaxAttempts(5))
		f.enqueue(kind, `{}`, queue.ExpiresIn(time.Millisecond))
		f.enqueue(kind, `{}`, queue.In(time.Hour), queue.ID("later-"+kind), queue.Unique("later-"+kind, time.Hour))
		f.enqueue(kind, `{}`, queue.ID("now-"+kind), queue.Unique("now-"+kind, time.Hour), queue.Retain(time.Hour))
	}
	for _, stream := range []string{raw, tagged} {
		f.must(f.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []string{"order_id", "o-9"}}).Err())
	}
	f.must(f.rdb.Set(t.Context(), f.stream()+":id:before", "of an earlier version", time.Hour).Err())
	f.compare(listed)

	b, hush := newBlocker(), make(chan struct{})
	w := f.start(everyOutcome(b, hush), func(c *queue.WorkerConfig) {
		c.Cron = queue.CronConfig{Parse: cron.Parse, Entries: []queue.CronEntry{
			queue.Cron("second", "* * * * * *", queue.JSON("plain", []byte("{}")), queue.On("orders")),
		}}
		c.Queues[raw] = queue.QueueConfig{Raw: &queue.Raw{Kind: "broken"}}
		c.Queues[tagged] = queue.QueueConfig{Raw: &queue.Raw{Kind: "cancel", Group: "billing"}}
	})
	receive(t, b.began)
	dead := f.await(queue.EventDead, 4)[0]
	f.compare(listed)
	f.must(f.inspect.RunNow(t.Context(), "orders", "later-broken"))
	f.must(f.inspect.Delete(t.Context(), "orders", "later-keep"))
	f.must(f.inspect.Cancel(t.Context(), "orders", "later-plain"))
	f.must(f.inspect.Requeue(t.Context(), dead.Queue, dead.Job))
	f.must(f.inspect.Cancel(t.Context(), "orders", f.holdInLane()))
	unseen := func() (patterns []string) {
		for _, row := range listed {
			if !row.seen {
				patterns = append(patterns, row.pattern)
			}
		}
		return patterns
	}
	defer func() {
		if patterns := unseen(); len(patterns) > 0 {
			t.Errorf("docs/keys.md lists what was never seen: %s", strings.Join(patterns, ", "))
		}
	}()
	f.cancelAndPause(3)
	f.eventually("every listed key is seen", func() bool {
		f.compare(listed)
		return len(unseen()) == 0
	})
	now, cancel := context.WithCancel(t.Context())
	cancel()
	close(hush)
	f.must(w.Stop(now)) // hands the long one back
	f.compare(listed)
	if n := f.rdb.Exists(t.Context(), f.stream()+":caretaker").Val(); n != 0 {
		t.Error("a worker that left still holds the caretaker key")
	}
}
