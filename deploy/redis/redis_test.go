// Package redis_test shows what the files beside it promise, on real servers.
package redis_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

func TestMain(m *testing.M) {
	logging.Disable() // go-redis would report each failover
	// A connection that a pool is opening ends by itself: its client waits for none.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

type mail struct {
	To string `json:"to"`
}

func (mail) Kind() string { return "mail" }

// include are the arguments of a server with files of this directory.
func include(tb testing.TB, files ...string) (args []string) {
	tb.Helper()
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			tb.Fatal(err)
		}
		args = append(args, "--include", path)
	}
	return args
}

// replicated starts a master and replicas with a file, and waits until they are in order.
func replicated(tb testing.TB, file string, replicas int) (master *redistest.Server, others []*redistest.Server) {
	tb.Helper()
	master = redistest.New(tb, include(tb, file)...)
	host, port, err := net.SplitHostPort(master.Addr)
	if err != nil {
		tb.Fatal(err)
	}
	for range replicas {
		replica := redistest.New(tb, append(include(tb, file), "--replicaof", host+" "+port)...)
		others = append(others, replica)
		if err := replica.AwaitReplica(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
	rdb := master.Client(tb)
	redistest.Await(tb, func() bool { return rdb.Set(tb.Context(), "probe", "", 0).Err() == nil })
	return master, others
}

func open(tb testing.TB, rdb redis.UniversalClient) *queue.Client {
	tb.Helper()
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// settings reads the directives of a file.
func settings(tb testing.TB, file string) map[string]string {
	tb.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, is := strings.Cut(strings.TrimSpace(line), " "); is && name != "#" {
			all[name] = strings.Trim(value, `"`)
		}
	}
	return all
}

func TestServersTakeTheSettings(t *testing.T) {
	t.Parallel()
	for _, files := range [][]string{{"no-loss.conf"}, {"speed.conf"}, {"both.conf"}, {"both.conf", "cluster.conf"}} {
		t.Run(strings.Join(files, " "), func(t *testing.T) {
			t.Parallel()
			rdb := redistest.New(t, include(t, files...)...).Client(t)
			for _, file := range files {
				for name, want := range settings(t, file) {
					if megabytes, is := strings.CutSuffix(want, "mb"); is {
						n, _ := strconv.Atoi(megabytes)
						want = strconv.Itoa(n << 20)
					}
					if got := rdb.ConfigGet(t.Context(), name).Val()[name]; got != want {
						t.Errorf("%s: %s is %q, want %q", file, name, got, want)
					}
				}
			}
		})
	}
}

func TestWhatIsThereAfterAKill(t *testing.T) {
	t.Parallel()
	const jobs = 50
	for file, want := range map[string]int64{"no-loss.conf": jobs, "both.conf": jobs, "speed.conf": 0} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			master, _ := replicated(t, file, 1)
			rdb := master.Client(t)
			client := open(t, rdb)
			for n := range jobs {
				if _, err := client.Enqueue(t.Context(), mail{fmt.Sprint(n)}, queue.On("mails")); err != nil {
					t.Fatal(err)
				}
			}
			if file == "both.conf" { // it takes a second or two until all is written
				redistest.Await(t, func() bool {
					state := rdb.InfoMap(t.Context(), "persistence").Val()["Persistence"]
					return state["aof_buffer_length"] == "0" && state["aof_pending_bio_fsync"] == "0"
				})
			}
			master.Kill()
			if err := master.Restart(); err != nil {
				t.Fatal(err)
			}
			holds(t, rdb, want)
		})
	}
}

func TestAMasterWithoutAReplicaTakesNoJobsUnlessItIsToBeFast(t *testing.T) {
	t.Parallel()
	for file, refuses := range map[string]bool{"no-loss.conf": true, "both.conf": true, "speed.conf": false} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			client := open(t, redistest.New(t, include(t, file)...).Client(t))
			_, err := client.Enqueue(t.Context(), mail{}, queue.On("mails"))
			if refused := err != nil && strings.Contains(err.Error(), "NOREPLICAS"); refused != refuses {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A master dies. What a replica had is there, and jobs are taken again.
func TestSentinelsPromoteAReplica(t *testing.T) {
	t.Parallel()
	master, _ := replicated(t, "both.conf", 2)
	addrs := sentinels(t, master)
	rdb := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "navvy", SentinelAddrs: addrs})
	defer rdb.Close()
	client := open(t, rdb)
	const jobs = 20
	for n := range jobs {
		if _, err := client.Enqueue(t.Context(), mail{fmt.Sprint(n)}, queue.On("mails"),
			queue.Durable(queue.Replicated(2, 5*time.Second))); err != nil {
			t.Fatal(err)
		}
	}
	master.Kill()
	goOn(t, client, "mails")
	holds(t, rdb, jobs+1)
}

// sentinels starts three with the file, and waits until they know each other and the replicas.
func sentinels(t *testing.T, master *redistest.Server) (addrs []string) {
	t.Helper()
	text, err := os.ReadFile("sentinel.conf")
	if err != nil {
		t.Fatal(err)
	}
	config := strings.Replace(string(text), "127.0.0.1 6379", strings.Replace(master.Addr, ":", " ", 1), 1)
	for range 3 {
		server, err := redistest.StartSentinel(t.TempDir(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Kill)
		addrs = append(addrs, server.Addr)
	}
	for _, addr := range addrs {
		sentinel := redis.NewSentinelClient(&redis.Options{Addr: addr})
		redistest.Await(t, func() bool {
			state := sentinel.Master(t.Context(), "navvy").Val()
			return state["num-slaves"] == "2" && state["num-other-sentinels"] == "2"
		})
		_ = sentinel.Close()
	}
	return addrs
}

// goOn waits until a job is taken.
func goOn(t *testing.T, client *queue.Client, name string) {
	t.Helper()
	err := redistest.Wait(t.Context(), 30*time.Second, "a job is taken", func(ctx context.Context) bool {
		_, err := client.Enqueue(ctx, mail{"last"}, queue.On(name), queue.ID("last"))
		return err == nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// holds makes sure that so many jobs are there, once the client has found the new master.
func holds(t *testing.T, rdb redis.UniversalClient, jobs int64) {
	t.Helper()
	var n int64
	redistest.Await(t, func() bool {
		var err error
		n, err = rdb.XLen(t.Context(), "navvy:{mails}").Result()
		return err == nil
	})
	if n != jobs {
		t.Errorf("%d jobs, want %d", n, jobs)
	}
}

// A master of a cluster dies.
func TestAClusterPromotesAReplica(t *testing.T) {
	t.Parallel()
	files := include(t, "speed.conf", "cluster.conf")
	start := func(dir string, args ...string) (*redistest.Server, error) {
		return redistest.Start(dir, append(args, files...)...)
	}
	nodes, err := redistest.StartNodes(t.Context(), t.TempDir(), 3, start)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nodes.Kill)
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: nodes.Addrs()})
	defer rdb.Close()
	client := open(t, rdb)
	const jobs = 20
	for n := range jobs {
		if _, err := client.Enqueue(t.Context(), mail{fmt.Sprint(n)}, queue.On("mails"),
			queue.Durable(queue.Replicated(1, 5*time.Second))); err != nil {
			t.Fatal(err)
		}
	}
	master, _, err := nodes.Owner(t.Context(), "navvy:{mails}")
	if err != nil {
		t.Fatal(err)
	}
	master.Kill()
	goOn(t, client, "mails")
	holds(t, rdb, jobs+1)
}
