package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

const slowShown = 10 // entries of each server's slow log

// redisHealth is the state of the servers, and what they hold for each queue.
type redisHealth struct {
	Nodes  []redisNode    `json:"nodes"`
	Queues []queueStorage `json:"queues"`
}

// redisNode is the state of one server.
type redisNode struct {
	Address      string        `json:"address"`
	Problem      string        `json:"problem,omitempty"` // why it could not be read
	Product      string        `json:"product"`           // Redis or Valkey
	Version      string        `json:"version"`
	Mode         string        `json:"mode"` // standalone, cluster or sentinel
	Role         string        `json:"role"` // master or slave, in its own words
	Uptime       time.Duration `json:"uptime_ns"`
	Latency      time.Duration `json:"latency_ns"` // of a PING from the monitor
	OpsPerSecond int64         `json:"ops_per_second"`
	Memory       memoryUse     `json:"memory"`
	Clients      clientUse     `json:"clients"`
	Disk         diskUse       `json:"disk"`
	Replication  replication   `json:"replication"`
	Databases    []database    `json:"databases"`
	Slow         []slowCommand `json:"slow"`
	Warnings     []warning     `json:"warnings"`
}

type memoryUse struct {
	Used          int64   `json:"used"` // bytes, as the others
	Peak          int64   `json:"peak"`
	Max           int64   `json:"max"` // 0 for no bound
	System        int64   `json:"system"`
	Policy        string  `json:"policy"`
	Fragmentation float64 `json:"fragmentation"`
	Evicted       int64   `json:"evicted_keys"`
}

type clientUse struct {
	Connected int64 `json:"connected"`
	Max       int64 `json:"max"`
	Blocked   int64 `json:"blocked"` // waiting, as workers do
	Rejected  int64 `json:"rejected"`
}

type diskUse struct {
	AOF        bool          `json:"aof"`
	Fsync      string        `json:"appendfsync,omitempty"` // "" if the server does not say
	Snapshots  *string       `json:"save,omitempty"`        // when snapshots are taken; nil if the server does not say
	LastSave   time.Time     `json:"last_save"`
	Changes    int64         `json:"changes_since_save"`
	SaveFailed bool          `json:"save_failed"`
	AOFFailed  bool          `json:"aof_failed"`
	Loading    bool          `json:"loading"`
	ForkTook   time.Duration `json:"fork_took_ns"`
}

type replication struct {
	Replicas int64  `json:"replicas"`
	Master   string `json:"master,omitempty"`
	LinkDown bool   `json:"link_down,omitempty"`
}

type database struct {
	Name    string `json:"name"`
	Keys    int64  `json:"keys"`
	Expires int64  `json:"expires"`
}

// slowCommand is an entry of the slow log, without the data that the command had.
type slowCommand struct {
	At      time.Time     `json:"at"`
	Took    time.Duration `json:"took_ns"`
	Command string        `json:"command"`
	Client  string        `json:"client"`
}

// queueStorage is how large a queue's keys are.
type queueStorage struct {
	Queue  string `json:"queue"`
	Stream int64  `json:"stream_entries"`
	Dead   int64  `json:"dead_entries"`
	Later  int64  `json:"delayed_and_retrying"`
	Bytes  int64  `json:"bytes"` // about, by a sample; 0 if the server does not say
}

var redisPage = page{section: "redis", title: "Redis", template: "redis", load: loadRedis}

func loadRedis(ctx context.Context, d *Dashboard, _ *Request) (any, error) {
	nodes, err := redisx.Nodes(ctx, d.cfg.Redis)
	if err != nil {
		return nil, fmt.Errorf("list the servers: %w", err)
	}
	var health redisHealth
	for _, n := range nodes {
		seen, err := d.server(ctx, n)
		if err != nil && len(nodes) == 1 {
			return nil, err
		}
		if err != nil {
			seen = redisNode{Address: n.Options().Addr, Problem: shownText(err), Warnings: []warning{unreachable}}
		}
		health.Nodes = append(health.Nodes, seen)
	}
	health.Queues, err = d.storage(ctx)
	return health, err
}

// server reads the state of a server, in two round trips. What an ACL forbids, except INFO, is left out.
func (d *Dashboard) server(ctx context.Context, n *redis.Client) (redisNode, error) {
	began := time.Now()
	if err := n.Ping(ctx).Err(); err != nil {
		return redisNode{}, fmt.Errorf("%s: %w", n.Options().Addr, err)
	}
	latency := time.Since(began)
	pipe := n.Pipeline()
	info, slow := pipe.InfoMap(ctx), pipe.SlowLogGet(ctx, slowShown)
	fsync, save := pipe.ConfigGet(ctx, "appendfsync"), pipe.ConfigGet(ctx, "save")
	_, _ = pipe.Exec(ctx)
	if err := info.Err(); err != nil {
		return redisNode{}, fmt.Errorf("%s: INFO: %w", n.Options().Addr, err)
	}
	seen := newServerInfo(info.Val()).status()
	seen.Address, seen.Latency = n.Options().Addr, latency
	seen.Disk.Fsync = fsync.Val()["appendfsync"]
	if text, ok := save.Val()["save"]; ok {
		seen.Disk.Snapshots = &text
	}
	for _, entry := range slow.Val() {
		seen.Slow = append(seen.Slow, slowCommand{
			At: entry.Time.UTC(), Took: entry.Duration, Command: d.withoutData(entry.Args), Client: entry.ClientAddr,
		})
	}
	seen.Warnings = warningsOf(seen)
	return seen, nil
}

// withoutData is a command and the beginning of its first key: what follows may be personal data.
func (d *Dashboard) withoutData(args []string) string {
	if len(args) == 0 {
		return ""
	}
	command, rest := strings.ToUpper(args[0]), args[1:]
	switch command {
	case "EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO":
		if len(rest) < 2 || rest[1] == "0" {
			return command
		}
		rest = rest[2:] // the script and the number of keys
	}
	if len(rest) == 0 {
		return command
	}
	return fmt.Sprintf("%s %s (%d arguments)", command, short(d.beginning(rest[0])), len(args)-1)
}

func (d *Dashboard) namespace() string { return cmp.Or(d.cfg.Namespace, queue.DefaultNamespace) }

// beginning is a key up to where personal data may be in it: of a queue's, the queue and what it is for; of others,
// such as a session's, the first word.
func (d *Dashboard) beginning(key string) string {
	known, rest := "", key
	if strings.HasPrefix(key, d.namespace()+":{") {
		if tag, after, closed := strings.Cut(key, "}:"); closed {
			known, rest = tag+"}:", after
		} else {
			return key
		}
	}
	if word, _, cut := strings.Cut(rest, ":"); cut {
		return known + word + ":…"
	}
	return key
}

// storage measures each queue, all in one round trip.
func (d *Dashboard) storage(ctx context.Context) ([]queueStorage, error) {
	seen := d.fleet(ctx)
	if seen.err != nil {
		return nil, seen.err
	}
	pipe := d.cfg.Redis.Pipeline()
	queues := seen.data.(fleet).Queues
	sizes := make([][]*redis.IntCmd, len(queues))
	for i, info := range queues {
		for _, key := range []string{info.Keys.Stream, info.Keys.Dead, info.Keys.CancelledJobs,
			info.Keys.ExpiredJobs, info.Keys.Bodies} {
			sizes[i] = append(sizes[i], pipe.MemoryUsage(ctx, key))
		}
	}
	if pipe.Len() > 0 {
		_, _ = pipe.Exec(ctx) // a key that is not there, or an ACL, fails its own command alone
	}
	all := make([]queueStorage, len(queues))
	for i, info := range queues {
		all[i] = storageOf(info)
		for _, size := range sizes[i] {
			all[i].Bytes += size.Val()
		}
	}
	return all, nil
}

func storageOf(info inspect.QueueInfo) queueStorage {
	return queueStorage{
		Queue: info.Name, Stream: info.Waiting + info.InFlight, Dead: info.Dead, Later: info.Delayed + info.Retrying,
	}
}
