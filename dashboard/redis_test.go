package dashboard_test

import (
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

// health is what /redis shows, as far as the tests look at it.
type health struct {
	Nodes []struct {
		Address, Product, Version, Role, Problem string
		Memory                                   struct {
			Used, Max int64
			Policy    string
		}
		Slow     []struct{ Command string }
		Warnings []struct{ Level, What, Do string }
	}
	Queues []struct {
		Queue  string
		Stream int64 `json:"stream_entries"`
		Bytes  int64
	}
}

func warnings(h health) string {
	var all []string
	for _, node := range h.Nodes {
		for _, w := range node.Warnings {
			all = append(all, w.Level+": "+w.What)
		}
	}
	return strings.Join(all, "\n")
}

func TestRedisPage(t *testing.T) {
	t.Parallel()
	rdb, server := open(t)
	for range 2 {
		enqueue(t, rdb, "", "orders", `{"password":"hunter2"}`)
	}
	must(t, rdb.ConfigSet(t.Context(), "slowlog-log-slower-than", "0").Err())
	enqueue(t, rdb, "", "orders", `{"password":"hunter2"}`)
	rdb.Get(t.Context(), "session:s3cr3t")
	rdb.Get(t.Context(), "navvy:{orders}:unique:s3cr3t")
	rdb.Eval(t.Context(), "return 1", nil, "s3cr3t")
	must(t, rdb.ConfigSet(t.Context(), "slowlog-log-slower-than", "-1").Err())
	page := shows(t, server, "/redis", "Memory", "Append-only file", "orders", "Nothing is written to disk",
		"XADD navvy:{orders} (", "GET session:… (", "GET navvy:{orders}:unique:… (")
	for _, secret := range []string{"hunter2", "s3cr3t"} {
		if strings.Contains(page, secret) {
			t.Errorf("the slow log gives %q away", secret)
		}
	}
	var h health
	fetchJSON(t, server, "/redis", &h)
	if len(h.Nodes) != 1 || h.Nodes[0].Memory.Used == 0 || h.Nodes[0].Role != "master" || len(h.Nodes[0].Slow) == 0 ||
		h.Nodes[0].Version == "" {
		t.Errorf("got %+v", h)
	}
	if len(h.Queues) != 1 || h.Queues[0].Stream != 3 || h.Queues[0].Bytes == 0 {
		t.Errorf("got %+v", h.Queues)
	}
}

func TestRedisWarnings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want []string
		not  []string
	}{
		"as it should be": {[]string{"--appendonly", "yes", "--maxmemory", "1gb"}, nil, []string{"memory", "disk", "evict"}},
		"evicting queues": {[]string{"--maxmemory-policy", "allkeys-lru"}, []string{"bad: maxmemory-policy is allkeys-lru"},
			nil},
		"evicting locks": {[]string{"--maxmemory-policy", "volatile-ttl"},
			[]string{"warn: maxmemory-policy is volatile-ttl"}, nil},
		"nothing on disk": {nil, []string{"bad: Nothing is written to disk"}, []string{"snapshots"}},
		"snapshots alone": {[]string{"--save", "60 1"}, []string{"warn: Only snapshots"}, []string{"Nothing is written"}},
		"no fsync":        {[]string{"--appendonly", "yes", "--appendfsync", "no"}, []string{"warn: appendfsync is no"}, nil},
		"full":            {[]string{"--maxmemory", "300kb"}, []string{"bad: Memory is full"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, server := open(t, test.args...)
			var h health
			fetchJSON(t, server, "/redis", &h)
			got := warnings(h)
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q among:\n%s", want, got)
				}
			}
			for _, not := range test.not {
				if strings.Contains(got, not) {
					t.Errorf("%q among:\n%s", not, got)
				}
			}
		})
	}
}

// On a cluster, each page works, and each node is shown.
func TestFeaturesOnACluster(t *testing.T) {
	t.Parallel()
	cluster, nodes := redistest.NewCluster(t)
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} { // on both masters
		must(t, cluster.Set(t.Context(), "lock:"+name, "someone", time.Minute).Err())
	}
	enqueue(t, cluster, "", "orders", `{}`)
	server := board(t, dashboard.Config{Redis: cluster, Auth: dashboard.Open{}, Namespace: queue.DefaultNamespace})
	for _, path := range []string{"/workers", "/queues", "/audit"} {
		shows(t, server, path)
	}
	shows(t, server, "/locks", "<strong>a</strong>", "<strong>b</strong>", "<strong>c</strong>", "<strong>d</strong>",
		"<strong>e</strong>", "<strong>f</strong>")
	var h health
	fetchJSON(t, server, "/redis", &h)
	if len(h.Nodes) != nodes {
		t.Errorf("got %+v", h.Nodes)
	}
}
