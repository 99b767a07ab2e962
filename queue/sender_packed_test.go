package queue_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

// Whatever happens to the connections of many callers, and to Redis, what a call has acknowledged is there, and nothing
// is there twice.
func TestWhatManyCallersEnqueueIsThereOnce(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]func(f *fleet){
		"clients cut": func(f *fleet) { _ = f.rdb.Do(f.Context(), "CLIENT", "KILL", "TYPE", "normal").Err() },
		"restart":     func(f *fleet) { f.server.Kill(); f.must(f.server.Restart()) },
		"full":        fullForAWhile,
		"read-only": func(f *fleet) {
			f.must(f.rdb.Do(f.Context(), "REPLICAOF", "127.0.0.1", "1").Err())
			f.eventually("a job is refused", func() bool {
				_, err := f.client.Enqueue(f.Context(), charge{}, queue.On("orders"))
				return err != nil && strings.Contains(err.Error(), "READONLY")
			})
			f.must(f.rdb.Do(f.Context(), "REPLICAOF", "NO", "ONE").Err())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetOn(t, redistest.New(t, "--appendonly", "yes", "--appendfsync", "always"))
			f.enqueue("k", `{}`)
			const callers = 64
			acknowledged, over := make([][]string, callers), make(chan struct{})
			var all sync.WaitGroup
			for n := range callers {
				all.Go(func() { acknowledged[n] = f.enqueueUntil(over) })
			}
			for range 4 {
				before := f.rdb.XLen(t.Context(), f.stream()).Val()
				f.eventually("jobs come, again after each trouble", func() bool {
					return f.rdb.XLen(t.Context(), f.stream()).Val() > before+callers
				})
				trouble(f)
			}
			close(over)
			all.Wait()
			entries, err := f.rdb.XRange(t.Context(), f.stream(), "-", "+").Result()
			f.must(err)
			there := map[string]int{}
			for _, entry := range entries {
				there[fmt.Sprint(entry.Values["id"])]++
			}
			if len(there) != len(entries) {
				t.Errorf("%d entries of %d jobs", len(entries), len(there))
			}
			jobs := 0
			for _, ids := range acknowledged {
				for _, id := range ids {
					if jobs++; there[id] != 1 {
						t.Fatalf("acknowledged and %d times there: %s", there[id], id)
					}
				}
			}
			if jobs < callers {
				t.Errorf("%d jobs were acknowledged", jobs)
			}
			if packed := f.rdb.Info(t.Context(), "commandstats").Val(); strings.Contains(packed, "navvy") {
				t.Error("Redis was sent what only the client library is given")
			}
		})
	}
}

// enqueueUntil enqueues jobs one after another, and returns the IDs of those whose call succeeded.
func (f *fleet) enqueueUntil(over <-chan struct{}) (ids []string) {
	for {
		select {
		case <-over:
			return ids
		default:
		}
		job, err := f.client.Enqueue(f.Context(), queue.JSON("k", []byte(`{}`)), queue.On("orders"))
		if err == nil {
			ids = append(ids, job.ID)
		}
	}
}
