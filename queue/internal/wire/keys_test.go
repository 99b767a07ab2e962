package wire_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

func allKeys(q *wire.QueueRef) []string {
	at := time.Unix(7200, 0)
	return []string{
		q.Stream, q.Delayed(), q.Retrying(), q.Bodies(), q.Dead(), q.DeadIDs(), q.Workers(), q.Worker("w#1"), q.Caretaker(),
		q.Crashed(), q.Paused(), q.Cancelled(), q.Totals(), q.Minute(at), q.Hour(at), q.Metrics(), q.Job("j}{"),
		q.Unique("u{x}"), q.IDMarker("j"), q.IDs(), q.IDsEnds(), q.CancelledJobs(), q.CancelledIDs(),
	}
}

func TestKeysOfAQueueAreAsDocumentedAndInOneSlot(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--cluster-enabled", "yes").Client(t)
	const words = "delayed retrying bodies dead dead:ids workers worker:w#1 caretaker crashed paused cancelled " +
		"stats stats:120 stats:h:2 metrics job:j}{ unique:u{x} id:j ids ids:ends cancelled:jobs cancelled:ids"
	for _, c := range []struct {
		name           string
		raw            bool
		stream, prefix string
	}{
		{"orders", false, "navvy:{orders}", "navvy:{orders}:"},
		{"orders:queue", true, "orders:queue", "{orders:queue}:"},
		{"shop:{7}:orders", true, "shop:{7}:orders", "shop:{7}:orders:"},
		{"a{b", true, "a{b", "{a{b}:"},
		{"a{{b}}", true, "a{{b}}", "a{{b}}:"},
	} {
		q := wire.NewQueueRef(wire.DefaultNamespace, c.name, wire.Binding{Raw: c.raw})
		keys := allKeys(&q)
		if q.Stream != c.stream || q.StreamArg != any(c.stream) || q.Prefix != c.prefix {
			t.Errorf("%s: got %+v", c.name, q.Keys)
		}
		for i, word := range strings.Fields(words) {
			if keys[i+1] != c.prefix+word {
				t.Errorf("%s: got %q, want %q", c.name, keys[i+1], c.prefix+word)
			}
		}
		slot, err := server.ClusterKeySlot(t.Context(), q.Stream).Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			if got := server.ClusterKeySlot(t.Context(), key).Val(); got != slot {
				t.Errorf("%s is in slot %d, its stream in %d", key, got, slot)
			}
		}
	}
}

func TestRegistryNotesHowQueuesAreBound(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	r := wire.NewRegistry(rdb, namespace)
	lookup := func(name string, known bool, want wire.QueueRef) {
		t.Helper()
		if q, got, err := r.Lookup(t.Context(), name); err != nil || got != known || q != want {
			t.Errorf("%s: %+v, %t, %v; want %+v", name, q, got, err, want)
		}
	}
	own := wire.NewQueueRef(namespace, "own", wire.Binding{})
	if own.Group != "workers" || own.Raw || own.Kind != "" || own.Name != "own" {
		t.Errorf("got %+v", own)
	}
	lookup("own", false, own)
	if err := r.AddQueues(t.Context(), "own"); err != nil {
		t.Fatal(err)
	}
	lookup("own", true, own)
	raw := wire.Binding{Raw: true, Group: "billing", Kind: "order.placed"}
	for range 2 {
		if err := r.Bind(t.Context(), map[string]wire.Binding{"stream": raw}); err != nil {
			t.Fatal(err)
		}
		if err := r.AddQueues(t.Context(), "stream"); err != nil { // does not replace the binding
			t.Fatal(err)
		}
		lookup("stream", true, wire.NewQueueRef(namespace, "stream", raw))
	}
	queues, err := r.Queues(t.Context())
	slices.Sort(queues)
	if err != nil || !slices.Equal(queues, []string{"own", "stream"}) {
		t.Errorf("got %q, %v", queues, err)
	}
	if err := rdb.HSet(t.Context(), namespace+":queues", "own", "{").Err(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Lookup(t.Context(), "own"); err == nil || !strings.Contains(err.Error(), "registry of queues") {
		t.Errorf("a damaged binding: %v", err)
	}
}
