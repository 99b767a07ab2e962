package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/cache"
)

func TestTagsRemoveWhatTheyName(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	ctx := t.Context()
	for i := range 1200 { // more than a page
		must(t, r.Set(ctx, fmt.Sprintf("%sproduct:%d", r.ns, i), i, cache.Tags(r.ns+"products", r.ns+"all")))
	}
	must(t, r.Set(ctx, r.ns+"user", 1, cache.Tags(r.ns+"all")))
	removed, err := r.InvalidateTags(ctx, r.ns+"products")
	if err != nil || removed != 1200 {
		t.Errorf("removed %d (%v), want 1200", removed, err)
	}
	if keys := r.rdb.Exists(ctx, r.ns+"product:0", r.ns+"product:1199", "{"+r.ns+"product:7}:meta").Val(); keys != 0 {
		t.Errorf("%d entries are still there", keys)
	}
	if removed, err = r.InvalidateTags(ctx, r.ns+"products", r.ns+"all"); err != nil || removed != 1 {
		t.Errorf("removed %d (%v), want the user", removed, err)
	}
	if n := r.rdb.Exists(ctx, "cache:tag:"+r.ns+"all", "{cache:tag:"+r.ns+"all}:doomed").Val(); n != 0 {
		t.Error("the index is still there")
	}
}

func TestAnInterruptedInvalidationIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	ctx, tag := t.Context(), r.ns+"t"
	must(t, r.Set(ctx, r.ns+"old", 1, cache.Tags(tag)))
	must(t, r.rdb.Rename(ctx, "cache:tag:"+tag, "{cache:tag:"+tag+"}:doomed").Err()) // as far as it came
	must(t, r.Set(ctx, r.ns+"new", 1, cache.Tags(tag)))
	if removed, err := r.InvalidateTags(ctx, tag); err != nil || removed != 2 {
		t.Errorf("removed %d (%v), want both", removed, err)
	}
}

func TestTheIndexOfATagForgetsWhatExpired(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	tag := r.ns + "t"
	for i := range 50 {
		must(t, r.Set(t.Context(), fmt.Sprint(r.ns, i), 1, cache.Tags(tag), cache.TTL(time.Second)))
	}
	r.pass(2 * time.Minute)
	must(t, r.Set(t.Context(), r.ns+"last", 1, cache.Tags(tag), cache.TTL(time.Second)))
	if n := r.rdb.ZCard(t.Context(), "cache:tag:"+tag).Val(); n != 1 {
		t.Errorf("%d members, want 1", n)
	}
	if ttl := r.rdb.PTTL(t.Context(), "cache:tag:"+tag).Val(); ttl <= 0 {
		t.Errorf("the index has TTL %s", ttl)
	}
}

// Whatever interleaves, after the last invalidation no entry has a value from before it.
func TestLoadsAndInvalidationsRace(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	ctx, tag, version := t.Context(), r.ns+"t", r.ns+"version"
	load := func(ctx context.Context) (int64, error) { return r.rdb.Get(ctx, version).Int64() }
	for round := range int64(30) {
		must(t, r.rdb.Set(ctx, version, round, 0).Err())
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				_, err := cache.GetOrLoad(ctx, r.Cache, fmt.Sprint(r.ns, i), load, cache.Tags(tag))
				if err != nil {
					t.Error(err)
				}
			})
		}
		must(t, r.rdb.Incr(ctx, version).Err())
		_, err := r.InvalidateTags(ctx, tag)
		must(t, err)
		wg.Wait()
		for i := range 8 {
			if got := r.get(t, fmt.Sprint(i), load, cache.Tags(tag)); got != round+1 {
				t.Fatalf("round %d: entry %d has version %d", round, i, got)
			}
		}
		_, err = r.InvalidateTags(ctx, tag)
		must(t, err)
	}
}

func TestAPrefixHasNoSpecialCharacters(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.New(t).Client(t), cache.Config{})
	ctx := t.Context()
	all := []string{"cache:page:/a", "cache:page:/a?x=[1]", "cache:page:/a*b", "cache:page:/ab", `cache:page:/a\b`, "other:cache:page:/a*b"}
	for prefix, want := range map[string]int64{
		"cache:page:/a*": 1, "cache:page:/a?": 1, "cache:page:/a?x=[": 1, `cache:page:/a\`: 1, "cache:page:/[a]": 0,
		"cache:page:/a": 5, "cache:page:/odd": 1,
	} {
		must(t, r.rdb.FlushDB(ctx).Err())
		for _, key := range all {
			must(t, r.Set(ctx, key, 1))
		}
		must(t, r.rdb.Set(ctx, "cache:page:/odd}", 1, 0).Err()) // by another program
		must(t, r.rdb.HSet(ctx, "cache:page:/ahash", "a", 1).Err())
		must(t, r.rdb.Set(ctx, "{t}:unrelated:cache:page:/a:meta", 1, 0).Err())
		seen := int64(0)
		removed, err := r.InvalidatePrefix(ctx, prefix, func(n int64) { seen = n })
		if err != nil || removed != want || seen != want {
			t.Errorf("%s: removed %d, progress %d (%v), want %d", prefix, removed, seen, err, want)
		}
		if n := r.rdb.DBSize(ctx).Val(); n != 2*(int64(len(all))-want)+3 && prefix != "cache:page:/odd" {
			t.Errorf("%s: %d keys are left: %v", prefix, n, r.rdb.Keys(ctx, "*").Val())
		}
	}
	if _, err := r.InvalidatePrefix(ctx, "", nil); !errors.Is(err, cache.ErrInvalid) {
		t.Errorf("an empty prefix: %v", err)
	}
}

func TestOnACluster(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--cluster-enabled", "yes")
	plain := server.Client(t)
	must(t, plain.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	eventually(t, "the cluster is up", func() bool {
		return strings.Contains(plain.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
	})
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr}})
	t.Cleanup(func() { _ = rdb.Close() })
	r, loads := newRig(t, rdb, cache.Config{}), counter{}
	ctx := t.Context()
	keys := []string{"plain", "with{tag}in", "{tag}first", "cache:page:http://h/p?q=1"}
	for _, key := range keys {
		_ = r.get(t, key, loads.load, cache.Tags("a", "b"))
		must(t, r.Set(ctx, "set:"+key, 1, cache.Tags("a")))
	}
	must(t, r.Delete(ctx, "set:plain", "set:with{tag}in"))
	if n, err := r.InvalidateTags(ctx, "b", "a"); err != nil || n != int64(len(keys))+2 {
		t.Errorf("removed %d by tags (%v)", n, err)
	}
	for _, key := range keys {
		_ = r.get(t, key, loads.load)
	}
	if n, err := r.InvalidatePrefix(ctx, r.ns, nil); err != nil || n != int64(len(keys)) {
		t.Errorf("removed %d by prefix (%v)", n, err)
	}
	if n := plain.DBSize(ctx).Val(); n != int64(len(keys)) { // the fences of their locks
		t.Errorf("%d keys are left: %v", n, plain.Keys(ctx, "*").Val())
	}
}

func TestALocalCopyAnswersAndHearsOfChanges(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := redis.NewClient(&redis.Options{
		Addr: server.Addr, Protocol: 3, ClientSideCacheConfig: &redis.ClientSideCacheConfig{MaxEntries: 100},
	})
	t.Cleanup(func() { _ = rdb.Close() })
	r, loads := newRig(t, rdb, cache.Config{}), counter{}
	_ = r.get(t, "k", loads.load)
	for range 100 {
		if got := r.get(t, "k", loads.load); got != 1 {
			t.Fatalf("got %d", got)
		}
	}
	if stats := rdb.CSCStats(); stats.Hits < 90 {
		t.Errorf("%d hits in the local copy: %+v", stats.Hits, stats)
	}
	must(t, server.Client(t).Set(t.Context(), r.ns+"k", "77", time.Minute).Err())
	eventually(t, "the change is seen", func() bool { return r.get(t, "k", loads.load) == 77 })
}
