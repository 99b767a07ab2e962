package inspect_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Who can write in a registry can bind a queue to any stream: that of another namespace does not exist for a confined
// inspector, whatever is asked for.
func TestAConfinedInspectorStaysInItsNamespace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enqueue("k", `1`)
	raw, registry := wire.Binding{Raw: true, Kind: "k"}, wire.NewRegistry(w.rdb, w.namespace)
	foreign, own := redistest.Namespace()+":{orders}", w.namespace+":depot"
	for _, stream := range []string{foreign, own} {
		w.must(w.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []string{"a", "1"}}).Err())
		w.must(registry.Bind(t.Context(), map[string]wire.Binding{stream: raw}))
	}
	confined, err := inspect.New(w.rdb, inspect.Config{Namespace: w.namespace, Confined: true})
	w.must(err)
	for look, sees := range map[*inspect.Inspector]bool{w.look: true, confined: false} {
		names, err := look.Queues(t.Context())
		w.must(err)
		fleet, err := look.Fleet(t.Context(), 0, 10)
		w.must(err)
		exists, err := look.Exists(t.Context(), foreign)
		w.must(err)
		_, err = look.Queue(t.Context(), foreign)
		if slices.Contains(names, foreign) != sees || slices.Contains(fleet.Names, foreign) != sees || exists != sees ||
			(err == nil) != sees {
			t.Errorf("want %t: %q, %q, %t, %v", sees, names, fleet.Names, exists, err)
		}
		if !slices.Contains(names, own) || !slices.Contains(names, "orders") {
			t.Errorf("its own are %q", names)
		}
		if info, err := look.Queue(t.Context(), own); err != nil || info.Waiting != 1 {
			t.Errorf("%+v, %v", info, err)
		}
	}
	for what, err := range map[string]error{
		"pause":  confined.Pause(t.Context(), foreign),
		"delete": confined.Do(t.Context(), foreign, "0-1", inspect.ActionDelete),
		"forget": confined.Forget(t.Context(), foreign),
	} {
		if !errors.Is(err, inspect.ErrBadQuery) && !errors.Is(err, inspect.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := w.rdb.XLen(t.Context(), foreign).Val(); n != 1 {
		t.Errorf("%d entries are left of the other namespace's", n)
	}
}
