package inspect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// On a raw stream an entry of another program is its fields; one that navvy wrote is a job.
func TestEntriesOfARawStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw := w.namespace + ":shop"
	w.must(wire.NewRegistry(w.rdb, w.namespace).Bind(t.Context(), map[string]wire.Binding{
		raw: {Raw: true, Group: "g", Kind: "order"}}))
	for n, c := range []struct {
		values         []string
		id, kind, data string
	}{
		{[]string{"order", "o-1", "a", "\x00"}, "", "order", `{"a":"\u0000","order":"o-1"}`},
		{[]string{"id", "j", "kind", "k", "data", "{}"}, "j", "k", "{}"},
		{[]string{"id", "j", "kind", "k"}, "", "order", `{"id":"j","kind":"k"}`},
		{[]string{"kind", "other"}, "", "order", `{"kind":"other"}`},
	} {
		entry := fmt.Sprintf("%d-1", n+1) // a program may give its entries IDs of its own
		w.must(w.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: raw, ID: entry, Values: c.values}).Err())
		if c.id == "" {
			c.id = entry
		}
		job, err := w.look.Job(t.Context(), raw, entry)
		w.must(err)
		if job.ID != c.id || job.Kind != c.kind || string(job.Data) != c.data || job.Entry != entry {
			t.Errorf("%q: got %+v, data %s", c.values, job, job.Data)
		}
	}
}

// No text that is asked for as an ID is anything but found or not found.
func TestOddIDsAreNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.inState(inspect.StateInFlight)
	w.inState(inspect.StateDead)
	w.inState(inspect.StateWaiting)
	for _, id := range []string{
		"", " ", "x", "\xff\x00", "0-0", "0-1", "1-0", "999-1", "1000-1", "5", "5-", "5-x", "-5-1",
		"99999999999999999999-1",
		"18446744073709551615-18446744073709551615", "00000000000000000000000000", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
		"8ZZZZZZZZZZZZZZZZZZZZZZZZZ", strings.Repeat("9", 10_000),
	} {
		if _, err := w.look.Job(t.Context(), "orders", id); !errors.Is(err, inspect.ErrNotFound) {
			t.Errorf("%.40q: got %v", id, err)
		}
		for _, action := range inspect.Actions() {
			if err := w.look.Do(t.Context(), "orders", id, action); !errors.Is(err, inspect.ErrNotFound) {
				t.Errorf("%s %.40q: got %v", action, id, err)
			}
		}
	}
}
