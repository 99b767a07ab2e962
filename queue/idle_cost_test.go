package queue_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

// many configures a worker with n queues, q0 and so on.
func many(n int) func(*queue.WorkerConfig) {
	return func(c *queue.WorkerConfig) {
		c.Queues = map[string]queue.QueueConfig{}
		for i := range n {
			c.Queues[fmt.Sprintf("q%d", i)] = queue.QueueConfig{}
		}
	}
}

// sent returns how many commands of each name a worker's client was given so far.
func (s *spy) sent() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]int{}
	for name, n := range s.names {
		counts[name] = n
	}
	return counts
}

// connections counts those to a server, but for the test's own.
func (f *fleet) connections(own int) int {
	f.Helper()
	list, err := f.rdb.ClientList(f.Context()).Result()
	f.must(err)
	return strings.Count(list, "\n") - own
}

// serverCPU is how many seconds the server has worked.
func (f *fleet) serverCPU() (sum float64) {
	f.Helper()
	info, err := f.rdb.Info(f.Context(), "cpu").Result()
	f.must(err)
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_user" || name == "used_cpu_sys" {
			n, err := strconv.ParseFloat(value, 64)
			f.must(err)
			sum += n
		}
	}
	return sum
}

// A worker of many queues starts with few round trips.
func TestManyQueuesAreJoinedTogether(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	hook := &spy{}
	rdb := redis.NewClient(&redis.Options{Addr: f.server.Addr})
	rdb.AddHook(hook)
	t.Cleanup(func() { _ = rdb.Close() })
	f.startOn(rdb, muxOf("k", noop), many(100))
	f.await(queue.EventWorkerJoined, 100)
	hook.mu.Lock()
	defer hook.mu.Unlock()
	if hook.trips > 50 {
		t.Errorf("%d round trips for 100 queues", hook.trips)
	}
}

// What an idle worker costs does not grow with its queues.
func TestAnIdleWorkerOfManyQueuesCostsFewCommandsAndConnections(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ workers, queues int }{{1, 200}, {3, 20}} {
		t.Run(fmt.Sprintf("%dx%d", c.workers, c.queues), func(t *testing.T) {
			t.Parallel()
			f := newFleetOn(t, redistest.New(t))
			own := f.connections(0)
			hook := &spy{}
			for range c.workers {
				rdb := redis.NewClient(&redis.Options{Addr: f.server.Addr})
				rdb.AddHook(hook)
				t.Cleanup(func() { _ = rdb.Close() })
				f.startOn(rdb, muxOf("k", noop), many(c.queues))
			}
			f.await(queue.EventWorkerJoined, c.workers*c.queues)
			f.await(queue.EventCaretakerTaken, c.queues)
			seconds := time.NewTicker(time.Second) // the start is over, and then some seconds pass
			defer seconds.Stop()
			<-seconds.C
			before, cpu := hook.sent(), f.serverCPU()
			const period = 5
			for range period {
				<-seconds.C
			}
			after := hook.sent()
			t.Logf("Redis needs %.2f %% of a core", 100*(f.serverCPU()-cpu)/period)
			sum := 0
			for name, n := range after {
				if n -= before[name]; n > 0 {
					t.Logf("%-12s %6.2f a second and worker", name, float64(n)/period/float64(c.workers))
					sum += n
				}
			}
			if most := 4 * (period + 1) * c.workers; sum > most {
				t.Errorf("%d commands of %d workers in %d s, want %d at the most", sum, c.workers, period, most)
			}
			if n := f.connections(own); n > 4*c.workers {
				list, _ := f.rdb.ClientList(t.Context()).Result()
				t.Errorf("%d connections of %d workers\n%s", n, c.workers, list)
			}
		})
	}
}
