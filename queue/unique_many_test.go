package queue_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// A job is put off until its longest wait is over at the most, never brought forward, and has the last data.
func TestDebounceEndsWithTheLongestWait(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	began := time.Now()
	call := func(in time.Duration, data string) *queue.Enqueued {
		return f.enqueue("k", data, queue.In(in),
			queue.Unique("u", time.Minute, queue.Debounce(time.Hour), queue.ReplaceData()))
	}
	first := call(10*time.Minute, `1`)
	for _, c := range []struct{ in, due time.Duration }{
		{20 * time.Minute, 20 * time.Minute}, {5 * time.Minute, 20 * time.Minute}, {50 * time.Minute, 50 * time.Minute},
		{90 * time.Minute, time.Hour}, {2 * time.Hour, time.Hour},
	} {
		again := call(c.in, c.in.String()[:1])
		if again.ID != first.ID || !again.Changed || again.Due.Sub(began.Add(c.due)).Abs() > time.Minute {
			t.Errorf("in %s: %+v", c.in, again)
		}
	}
	left := f.rdb.PTTL(t.Context(), f.stream()+":unique:u").Val()
	if left < 59*time.Minute || left > 62*time.Minute {
		t.Errorf("the key is held for %s, want a minute from when it is due", left)
	}
	if job, err := f.inspect.Job(t.Context(), "orders", first.ID); err != nil || string(job.Data) != `2` {
		t.Errorf("got %s, %v", job.Data, err)
	}
	f.must(f.inspect.RunNow(t.Context(), "orders", first.ID))
	if again := call(time.Hour, `3`); again.Changed && again.Due != nil || !again.Duplicate {
		t.Errorf("once it waits: %+v", again)
	}
	f.inOrder()
}

// Many at once have a verdict each, and what replaces data does so in the sequence of the items.
func TestEnqueueManyWithUniqueKeys(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var items []queue.Item
	for i := range 300 {
		choice := []queue.UniqueOption{queue.ReplaceData()}
		if i%3 == 0 {
			choice = []queue.UniqueOption{queue.RejectDuplicate()}
		}
		items = append(items, queue.Item{Args: queue.JSON("k", []byte(strconv.Itoa(i))), Options: []queue.EnqueueOption{
			queue.On("orders"), queue.UniqueUntilEnded(strconv.Itoa(i%100), choice...),
		}})
	}
	results, err := f.client.EnqueueMany(t.Context(), items)
	if !errors.Is(err, queue.ErrDuplicate) {
		t.Errorf("got %v", err)
	}
	for i, r := range results {
		first := results[i%100]
		if r.ID != first.ID || r.Duplicate != (i >= 100) || errors.Is(r.Err, queue.ErrDuplicate) != (i >= 100 && i%3 == 0) ||
			r.Changed != (i >= 100 && i%3 != 0) {
			t.Fatalf("item %d: %+v, the first of its key %+v", i, r, first)
		}
	}
	all := inspect.Page{Limit: 200}
	page, err := f.inspect.Search(t.Context(), "orders", inspect.Query{State: inspect.StateWaiting}, all)
	f.must(err)
	for _, job := range page.Jobs {
		n, _ := strconv.Atoi(string(job.Data))
		if key, _ := strconv.Atoi(job.UniqueKey); n%100 != key || n != lastReplacing(key) {
			t.Errorf("the job of key %s has the data of item %s", job.UniqueKey, job.Data)
		}
	}
	if len(page.Jobs) != 100 {
		t.Errorf("%d jobs", len(page.Jobs))
	}
	f.inOrder()
}

// lastReplacing is the last item of a key that replaces data, or that came first.
func lastReplacing(key int) int {
	for _, i := range []int{key + 200, key + 100} {
		if i%3 != 0 {
			return i
		}
	}
	return key
}

// What another program ends gives its key back with the next sweep, also if nobody asks for it.
func TestTheKeyOfAJobThatIsGoneIsSwept(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`, queue.UniqueUntilEnded("gone"))
	f.enqueue("k", `{}`, queue.UniqueUntilEnded("there"), queue.In(time.Hour))
	f.must(f.rdb.XTrimMaxLen(t.Context(), f.stream(), 0).Err())
	f.start(muxOf("k", noop), func(c *queue.WorkerConfig) { c.Lease = 500 * time.Millisecond })
	f.eventually("its key is gone", func() bool {
		return f.rdb.Exists(t.Context(), f.stream()+":unique:gone").Val() == 0
	})
	if n := f.rdb.Exists(t.Context(), f.stream()+":unique:there").Val(); n != 1 {
		t.Error("so is that of a job that is there")
	}
}

// A client of the version before knows one scope: its keys are the same, and what it holds is held for a time.
func TestUniqueKeysAreThoseOfTheVersionBefore(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	before := f.enqueue("k", `{}`, queue.Unique("window", time.Hour)) // sent as ever
	if again := f.enqueue("k", `{}`, queue.UniqueUntilEnded("window")); again.ID != before.ID || !again.Duplicate {
		t.Errorf("got %+v", again)
	}
	until := f.enqueue("k", `{}`, queue.UniqueUntilEnded("until"))
	if again := f.enqueue("k", `{}`, queue.Unique("until", time.Hour)); again.ID != until.ID || !again.Duplicate {
		t.Errorf("got %+v", again)
	}
	if holder := f.rdb.Get(t.Context(), f.stream()+":unique:until").Val(); holder != until.ID {
		t.Errorf("the key holds %q", holder)
	}
	f.must(f.rdb.XTrimMaxLen(t.Context(), f.stream(), 0).Err()) // a worker of before acknowledges and deletes
	if again := f.enqueue("k", `{}`, queue.UniqueUntilEnded("until")); again.Duplicate {
		t.Errorf("after its end: %+v", again)
	}
	if again := f.enqueue("k", `{}`, queue.UniqueUntilEnded("window")); !again.Duplicate {
		t.Errorf("after the end of a window's job: %+v", again)
	}
}

// Also where items of one key travel in different calls the last one's data is what stays.
func TestEnqueueManyReplacesInSequence(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var items []queue.Item
	for i := range 6 {
		opts := []queue.EnqueueOption{queue.On("orders"), queue.UniqueUntilEnded("u", queue.ReplaceData())}
		if i%2 == 0 {
			opts = append(opts, queue.In(time.Hour))
		}
		items = append(items, queue.Item{Args: queue.JSON("k", []byte(strconv.Itoa(i))), Options: opts})
	}
	results, err := f.client.EnqueueMany(t.Context(), items)
	f.must(err)
	if job, err := f.inspect.Job(t.Context(), "orders", results[0].ID); err != nil || string(job.Data) != "5" {
		t.Errorf("it has %s, %v", job.Data, err)
	}
}
