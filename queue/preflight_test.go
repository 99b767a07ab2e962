package queue_test

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

func TestForbiddenCommandIsAnErrorAtStart(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t))
	f.must(f.rdb.Do(t.Context(), "ACL", "SETUSER", "worker", "on", ">secret", "~*", "&*", "+@all", "-xclaim", "-zadd",
		"-hincrby", "-hlen").Err())
	rdb := redis.NewClient(&redis.Options{Addr: f.server.Addr, Username: "worker", Password: "secret"})
	defer rdb.Close()
	w, err := queue.NewWorker(rdb, muxOf("k", noop),
		queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"orders": {}}})
	f.must(err)
	err = w.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "forbids XCLAIM, ZADD, HLEN, HINCRBY on") {
		t.Errorf("got %v", err)
	}
	if n := f.rdb.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys were written", n)
	}
}

func TestDangerousRedisIsWarnedAbout(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"nothing kept": {nil, []string{"a restart loses every job"}},
		"evicts": {[]string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", "--appendonly", "yes"},
			[]string{"allkeys-lru"}},
		"snapshots alone": {[]string{"--save", "60 1"}, []string{"snapshots and no append-only file"}},
		"as it should be": {[]string{"--maxmemory", "100mb", "--maxmemory-policy", "noeviction", "--appendonly", "yes"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetOn(t, redistest.New(t, c.args...))
			f.start(muxOf("k", noop))
			warnings := f.events.of(queue.EventWarning)
			if len(warnings) != len(c.want) {
				t.Fatalf("got %v, want %q", warnings, c.want)
			}
			for i, want := range c.want {
				if !strings.Contains(warnings[i].Err.Error(), want) {
					t.Errorf("got %v, want %q", warnings[i].Err, want)
				}
			}
		})
	}
}

func TestDangerousSettingsOfTheClientAreWarnedAbout(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t, "--appendonly", "yes"))
	f.rdb = redis.NewClient(&redis.Options{Addr: f.server.Addr, ReadTimeout: -1})
	t.Cleanup(func() { _ = f.rdb.Close() })
	f.start(muxOf("k", noop))
	warnings := f.events.of(queue.EventWarning)
	if len(warnings) != 1 || !strings.Contains(warnings[0].Err.Error(), "no ReadTimeout") {
		t.Errorf("got %v", warnings)
	}
}
