package queue_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// What an earlier version has left in Redis is read by this one: testdata/before-0.1.redis, which the program in
// testdata/before-0.1 wrote. What an inspector must show of it is in testdata/before-0.1.txt.

// dumpClock is what the clocks of clients, workers and inspectors said while the file was written.
var dumpClock = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)

// dumpQueues are the queues in it, by name.
var dumpQueues = []string{"crashes", "held", "orders", "orders:queue", "paused", "shop:{7}:orders"}

// newFleetOnDump returns a fleet on a server of its own that holds what the file says.
func newFleetOnDump(t *testing.T) *fleet {
	t.Helper()
	server := redistest.New(t)
	f := &fleet{T: t, server: server, rdb: server.Client(t), namespace: queue.DefaultNamespace, events: newRecorder()}
	f.loadDump("testdata/before-0.1.redis")
	var err error
	f.client, err = queue.NewClient(f.rdb, queue.ClientConfig{})
	f.must(err)
	t.Cleanup(func() { _ = f.client.Close() })
	f.inspect, err = inspect.New(f.rdb, inspect.Config{})
	f.must(err)
	return f
}

func (f *fleet) loadDump(path string) {
	f.Helper()
	file, err := os.Open(path)
	f.must(err)
	defer file.Close()
	pipe, lines := f.rdb.Pipeline(), bufio.NewScanner(file)
	for lines.Scan() {
		if lines.Text() != "" && !strings.HasPrefix(lines.Text(), "#") {
			pipe.Do(f.Context(), f.words(lines.Text())...)
		}
	}
	f.must(lines.Err())
	commands, err := pipe.Exec(f.Context())
	if err != nil || len(commands) < 100 {
		f.Fatalf("%d commands of %s: %v", len(commands), path, err)
	}
}

// words splits a line of the file into arguments; those with anything unusual are quoted as in Go.
func (f *fleet) words(line string) (words []any) {
	f.Helper()
	for line != "" {
		word, rest, _ := strings.Cut(line, " ")
		if strings.HasPrefix(line, `"`) {
			quoted, err := strconv.QuotedPrefix(line)
			f.must(err)
			word, err = strconv.Unquote(quoted)
			f.must(err)
			rest = strings.TrimPrefix(line[len(quoted):], " ")
		}
		words, line = append(words, word), rest
	}
	return words
}

// allJobs lists the jobs of a queue, state by state.
func (f *fleet) allJobs(name string) (jobs []inspect.JobInfo) {
	f.Helper()
	states := []inspect.State{
		inspect.StateWaiting, inspect.StateInFlight, inspect.StateDelayed, inspect.StateRetrying, inspect.StateDead,
		inspect.StateCancelled,
	}
	for _, state := range states {
		found, err := f.inspect.Search(f.Context(), name, inspect.Query{State: state}, inspect.Page{})
		f.must(err)
		jobs = append(jobs, found.Jobs...)
	}
	return jobs
}

func (f *fleet) infoOf(name string) inspect.QueueInfo {
	f.Helper()
	info, err := f.inspect.Queue(f.Context(), name)
	f.must(err)
	return info
}

var incarnation = regexp.MustCompile(`#[a-z0-9]{6}`)

// describeJob says everything about a job that does not depend on when it is read: times are counted from dumpClock.
func describeJob(job *inspect.JobInfo) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %s", job.Queue, job.State, job.Kind, job.Data)
	add := func(name string, value any) {
		if text := fmt.Sprint(value); text != "" && text != "0" && text != "false" {
			fmt.Fprintf(&b, " %s=%s", name, incarnation.ReplaceAllString(text, ""))
		}
	}
	at := func(name string, t *time.Time) {
		if t != nil {
			add(name, t.Sub(dumpClock))
		}
	}
	if _, err := ulid.ParseStrict(job.ID); err != nil {
		add("id", job.ID)
	}
	add("attempt", job.Attempt)
	add("max_attempts", job.MaxAttempts)
	add("redelivered", job.Redelivered)
	at("enqueued", job.EnqueuedAt)
	at("due", job.Due)
	at("ended", job.EndedAt)
	add("error", job.Error)
	add("reason", job.Reason)
	add("worker", job.Worker)
	add("deliveries", job.Deliveries)
	add("heartbeat", job.Heartbeat)
	add("crashes", job.Crashes)
	add("stuck", job.Stuck)
	add("result", string(job.Result))
	if job.Progress != nil {
		fmt.Fprintf(&b, " progress=%v,%s,%s", job.Progress.Percent, job.Progress.Note, job.Progress.At.Sub(dumpClock))
	}
	if job.Cancelled != nil {
		fmt.Fprintf(&b, " cancelled=%s,%s", job.Cancelled.By, job.Cancelled.At.Sub(dumpClock))
	}
	add("unique", job.UniqueKey)
	add("trace", job.Trace)
	add("request_id", job.RequestID)
	return b.String()
}

func describeQueue(info *inspect.QueueInfo) string {
	totals, _ := json.Marshal(info.Totals) // numbers: cannot fail
	text := fmt.Sprintf("%s: stream %s group %s raw %t, ", info.Name, info.Stream, info.Group, info.Raw) +
		fmt.Sprintf("%d waiting, %d in flight, %d delayed, ", info.Waiting, info.InFlight, info.Delayed) +
		fmt.Sprintf("%d retrying, %d dead, totals %s", info.Retrying, info.Dead, totals)
	if info.Paused != nil {
		text += fmt.Sprintf(", paused by %s at %s", info.Paused.By, info.Paused.At.Sub(dumpClock))
	}
	return text
}

// describeWorkers shows the workers that are registered with a queue. Their leases have ended.
func (f *fleet) describeWorkers(name string) (lines []string) {
	f.Helper()
	workers, err := f.inspect.Workers(f.Context(), name)
	f.must(err)
	for _, w := range workers {
		line := fmt.Sprintf("%s worker %s on %s since %s, ", name, w.Name, w.Host, w.Started.Sub(dumpClock)) +
			fmt.Sprintf("%d slots, %d running, %d stuck, %d in flight, ", w.Slots, w.Running, w.Stuck, w.InFlight) +
			fmt.Sprintf("heartbeat %s, state %q", w.Heartbeat, w.State)
		lines = append(lines, incarnation.ReplaceAllString(line, ""))
	}
	return lines
}

// describeCounts shows the counts of the minute and the hour in which the file was written, and those of all time.
func (f *fleet) describeCounts(name string) (lines []string) {
	f.Helper()
	for _, step := range []time.Duration{time.Minute, time.Hour} {
		stats, err := f.inspect.Stats(f.Context(), name, dumpClock, dumpClock.Add(time.Second), step)
		f.must(err)
		for _, s := range stats {
			lines = append(lines, fmt.Sprintf("%s %s from %s: ", name, step, s.At.Format(time.TimeOnly))+
				fmt.Sprintf("%d done, %d failed, %d snoozed, %d dead, ", s.Done, s.Failed, s.Snoozed, s.Dead)+
				fmt.Sprintf("%d reclaimed, %d runs, %d waits, ", s.Reclaimed, s.Run.Count(), s.Wait.Count())+
				fmt.Sprintf("%d waiting, %d in flight", s.Waiting, s.InFlight))
		}
	}
	metrics, err := f.inspect.Metrics(f.Context(), name)
	f.must(err)
	lines = append(lines, fmt.Sprintf("%s: %d redelivered, %d reclaimed, %d leases lost", name, metrics.Redelivered,
		metrics.Reclaimed, metrics.LeaseLost))
	for _, k := range metrics.Kinds {
		lines = append(lines, fmt.Sprintf("%s kind %s: %d done, %d failed, %d snoozed, %d dead, %d runs, %d waits",
			name, k.Kind, k.Done, k.Failed, k.Snoozed, k.Dead, k.Run.Count(), k.Wait.Count()))
	}
	return lines
}

func TestDumpIsRead(t *testing.T) {
	t.Parallel()
	f := newFleetOnDump(t)
	names, err := f.inspect.Queues(t.Context())
	if err != nil || !slices.Equal(names, dumpQueues) {
		t.Fatalf("got %q, %v, want %q", names, err, dumpQueues)
	}
	var got []string
	for _, name := range names {
		info := f.infoOf(name)
		got = append(got, describeQueue(&info))
		for _, job := range f.allJobs(name) {
			found, err := f.inspect.Job(t.Context(), name, job.ID)
			f.must(err)
			got = append(got, describeJob(&found))
		}
		got = slices.Concat(got, f.describeWorkers(name), f.describeCounts(name))
		if audit, err := f.inspect.Verify(t.Context(), name, nil); err != nil || !audit.OK() {
			t.Errorf("got %+v, %v", audit, err)
		}
	}
	kept, err := f.inspect.Job(t.Context(), "orders", "keep-1")
	f.must(err)
	got = append(got, describeJob(&kept))
	text, err := os.ReadFile("testdata/before-0.1.txt")
	f.must(err)
	want := strings.Split(strings.TrimSpace(string(text)), "\n")
	for n := range max(len(got), len(want)) {
		if n >= len(got) || n >= len(want) || got[n] != want[n] {
			t.Fatalf("testdata/before-0.1.txt:%d: got\n%s", n+1, strings.Join(got[min(n, len(got)):], "\n"))
		}
	}
}

// A job that was guarded by its ID or a unique key stays so, and one whose end set its key free does not.
func TestDumpKeepsGuards(t *testing.T) {
	t.Parallel()
	f := newFleetOnDump(t)
	holders := map[string]string{}
	for _, name := range dumpQueues {
		for _, job := range f.allJobs(name) {
			holders[job.UniqueKey] = job.ID
		}
	}
	holders["keep"] = "keep-1"
	for _, c := range []struct {
		on    string
		guard queue.EnqueueOption
		id    string // of the job that was there; "" if none was
	}{
		{"orders", queue.ID("chosen-1"), "chosen-1"},
		{"orders", queue.ID("later-1"), "later-1"},
		{"orders", queue.ID("fail-1"), "fail-1"},
		{"orders", queue.ID("keep-1"), "keep-1"},
		{"held", queue.ID("held-1"), "held-1"},
		{"orders", queue.Unique("guarded", time.Hour), holders["guarded"]},
		{"orders", queue.Unique("later", time.Hour), "later-1"},
		{"orders", queue.Unique("fail", time.Hour), "fail-1"},
		{"orders", queue.Unique("keep", time.Hour), "keep-1"},
		{"held", queue.Unique("ahead", time.Hour), holders["ahead"]},
		{"orders", queue.Unique("set-free", time.Hour), ""},
		{"orders", queue.ID("another"), ""},
	} {
		job, err := f.client.Enqueue(t.Context(), queue.JSON("plain", []byte(`{}`)), queue.On(c.on), c.guard)
		if err != nil || job.Duplicate != (c.id != "") || c.id != "" && job.ID != c.id {
			t.Errorf("got %+v, %v, want a duplicate of %q", job, err, c.id)
		}
	}
}

// runs remembers how each job was run.
type runs struct {
	mu   sync.Mutex
	seen map[string][]string // by queue and ID
}

func (r *runs) handle(_ context.Context, run *queue.Run) error {
	var data any
	if err := json.Unmarshal(run.Data, &data); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := run.Queue + " " + run.ID
	r.seen[key] = append(r.seen[key], describeRun(run, data))
	return nil
}

func describeRun(run *queue.Run, data any) string {
	return fmt.Sprintf("%s %v: attempt %d of %d, ", run.Kind, data, run.Attempt, run.MaxAttempts) +
		fmt.Sprintf("redelivered %d, enqueued at %s, after %q, ", run.Redelivered, run.EnqueuedAt.UTC(), run.LastError) +
		fmt.Sprintf("trace %q, request %q", run.Trace, run.RequestID)
}

// expectedRun is how a job of the file must be run: a dead one comes back without its attempts; of one in flight that
// nobody had handed back, another run may have begun.
func expectedRun(job *inspect.JobInfo) string {
	var data any
	_ = json.Unmarshal(job.Data, &data) // it is JSON: see JobInfo
	run := queue.Run{
		Kind: job.Kind, Attempt: job.Attempt + 1, MaxAttempts: job.MaxAttempts, Redelivered: job.Redelivered,
		EnqueuedAt: *job.EnqueuedAt, LastError: job.Error, Trace: job.Trace, RequestID: job.RequestID,
	}
	if run.MaxAttempts == 0 {
		run.MaxAttempts = queue.DefaultMaxAttempts
	}
	switch {
	case job.State == inspect.StateDead || job.Cancelled != nil:
		run.Attempt, run.Redelivered, run.LastError = 1, 0, ""
	case job.State == inspect.StateInFlight && job.Worker != "~released":
		run.Redelivered++
	}
	return describeRun(&run, data)
}

// finished reports whether nothing of some queues waits, runs or will come back.
func (f *fleet) finished(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		info := f.infoOf(name)
		return info.Waiting+info.InFlight+info.Delayed+info.Retrying > 0
	})
}

func TestDumpIsWorkedOff(t *testing.T) {
	t.Parallel()
	f := newFleetOnDump(t)
	r, mux, kinds := &runs{seen: map[string][]string{}}, queue.NewMux(), map[string]bool{}
	want, done := map[string][]string{}, map[string]int64{}
	for _, name := range dumpQueues {
		jobs := f.allJobs(name)
		done[name] = f.infoOf(name).Totals.Done + int64(len(jobs))
		for _, job := range jobs {
			want[name+" "+job.ID] = []string{expectedRun(&job)}
			if !kinds[job.Kind] {
				kinds[job.Kind] = true
				mux.HandleKind(job.Kind, r.handle)
			}
		}
	}
	f.start(mux, func(c *queue.WorkerConfig) {
		c.Lease = time.Second
		for _, name := range dumpQueues {
			c.Queues[name] = queue.QueueConfig{}
		}
		c.Queues["orders:queue"] = queue.QueueConfig{Raw: &queue.Raw{Kind: "order.placed"}}
		c.Queues["shop:{7}:orders"] = queue.QueueConfig{Raw: &queue.Raw{Kind: "order.placed", Group: "billing"}}
	})
	f.eventually("all is done but what is paused", func() bool {
		return f.finished(slices.DeleteFunc(slices.Clone(dumpQueues), func(name string) bool { return name == "paused" })...)
	})
	if info := f.infoOf("paused"); info.Paused == nil || info.Waiting != 1 || info.InFlight != 2 {
		t.Errorf("the paused queue: %+v", info)
	}
	if info := f.infoOf("held"); info.Cancelled != 1 {
		t.Errorf("the job that was cancelled in its worker's hands is not cancelled: %+v", info)
	}
	f.must(f.inspect.Resume(t.Context(), "paused"))
	for _, name := range dumpQueues {
		for _, state := range []inspect.State{inspect.StateDead, inspect.StateCancelled} {
			_, err := f.inspect.Act(t.Context(), name, inspect.Query{State: state}, inspect.ActionRequeue, nil)
			f.must(err)
		}
	}
	f.eventually("all is done", func() bool { return f.finished(dumpQueues...) })
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, runs := range want {
		if got := r.seen[key]; !slices.Equal(got, runs) {
			t.Errorf("%s: got\n%s\nwant\n%s", key, strings.Join(got, "\n"), runs[0])
		}
	}
	f.nothingLeft(done)
}

// nothingLeft checks that so many jobs of each queue are done, and that nothing is left of any but what is kept.
func (f *fleet) nothingLeft(done map[string]int64) {
	f.Helper()
	for _, name := range dumpQueues {
		if info := f.infoOf(name); info.Dead != 0 || info.Totals.Done != done[name] {
			f.Errorf("got %+v, want %d done", info, done[name])
		}
		if audit, err := f.inspect.Verify(f.Context(), name, nil); err != nil || !audit.OK() {
			f.Errorf("got %+v, %v", audit, err)
		}
	}
	f.eventually("what was noted about jobs is gone", f.hasNoNotes)
	for id, attempt := range map[string]int{"keep-1": 1, "fail-1": 2} { // they were enqueued to be retained
		kept, err := f.inspect.Job(f.Context(), "orders", id)
		if err != nil || kept.State != inspect.StateDone || kept.Attempt != attempt || kept.Trace == "" {
			f.Errorf("what is kept of a done job: %+v, %v", kept, err)
		}
	}
}
