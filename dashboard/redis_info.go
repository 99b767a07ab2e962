package dashboard

import (
	"maps"
	"strconv"
	"strings"
	"time"
)

// serverInfo is what INFO says of a server: names and values.
type serverInfo map[string]string

// newServerInfo takes the sections of INFO together: no two have the same name in them.
func newServerInfo(sections map[string]map[string]string) serverInfo {
	info := serverInfo{}
	for _, section := range sections {
		maps.Copy(info, section)
	}
	return info
}

func (i serverInfo) int(name string) int64 {
	n, _ := strconv.ParseInt(i[name], 10, 64)
	return n
}

func (i serverInfo) float(name string) float64 {
	n, _ := strconv.ParseFloat(i[name], 64)
	return n
}

// product is the server's name and version: the redis_version of Valkey is that of the Redis it is compatible with.
func (i serverInfo) product() (name, version string) {
	if i["server_name"] == "valkey" {
		return "Valkey", i["valkey_version"]
	}
	return "Redis", i["redis_version"]
}

// databases lists those that have keys.
func (i serverInfo) databases() []database {
	var all []database
	for n := range 64 {
		name := "db" + strconv.Itoa(n)
		text, ok := i[name]
		if !ok {
			continue
		}
		fields := serverInfo{}
		for pair := range strings.SplitSeq(text, ",") {
			key, value, _ := strings.Cut(pair, "=")
			fields[key] = value
		}
		all = append(all, database{name, fields.int("keys"), fields.int("expires")})
	}
	return all
}

// status gathers what the page shows of a server.
func (i serverInfo) status() redisNode {
	n := redisNode{
		Mode: i["redis_mode"], Role: i["role"], Uptime: time.Duration(i.int("uptime_in_seconds")) * time.Second,
		Memory: memoryUse{
			Used: i.int("used_memory"), Peak: i.int("used_memory_peak"),
			Max: i.int("maxmemory"), System: i.int("total_system_memory"),
			Policy: i["maxmemory_policy"], Fragmentation: i.float("mem_fragmentation_ratio"), Evicted: i.int("evicted_keys"),
		},
		Clients: clientUse{
			Connected: i.int("connected_clients"), Max: i.int("maxclients"),
			Blocked: i.int("blocked_clients"), Rejected: i.int("rejected_connections"),
		},
		OpsPerSecond: i.int("instantaneous_ops_per_sec"),
		Disk: diskUse{
			AOF: i["aof_enabled"] == "1", Loading: i["loading"] == "1",
			LastSave: time.Unix(i.int("rdb_last_save_time"), 0).UTC(), Changes: i.int("rdb_changes_since_last_save"),
			SaveFailed: i["rdb_last_bgsave_status"] == "err",
			AOFFailed:  i["aof_last_write_status"] == "err" || i["aof_last_bgrewrite_status"] == "err",
			ForkTook:   time.Duration(i.int("latest_fork_usec")) * time.Microsecond,
		},
		Replication: replication{
			Replicas: i.int("connected_slaves"), Master: i["master_host"],
			LinkDown: i["role"] == "slave" && i["master_link_status"] != "up",
		},
		Databases: i.databases(),
	}
	n.Product, n.Version = i.product()
	return n
}
