package dashboard

import (
	"strings"
	"testing"
	"time"
)

func TestVersionWarnings(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]string{
		"Redis 5.0.14": "bad: older than navvy supports", "Valkey 7.2.5": "bad: older than navvy supports",
		"Redis 6.2.19": "warn: 6.2.20 or later", "Redis 6.2.20": "", "Redis 7.0.15": "warn: a version that is maintained",
		"Redis 7.4.6": "", "Redis 8.2.1": "warn: 8.2.2 or later", "Redis 8.2.2": "", "Redis 8.6.3": "",
		"Valkey 8.1.3": "warn: 8.1.4 or later", "Valkey 9.1.2": "", "Valkey 255.255.255": "", "Redis unstable": "",
	} {
		product, version, _ := strings.Cut(server, " ")
		found := versionWarnings(redisNode{Product: product, Version: version})
		if want == "" && len(found) == 0 {
			continue
		}
		level, text, _ := strings.Cut(want, ": ")
		if len(found) != 1 || found[0].Level != level || !strings.Contains(found[0].What+" "+found[0].Do, text) {
			t.Errorf("%s: %+v, want %q", server, found, want)
		}
	}
}

func TestWarningsThatNoTestServerHas(t *testing.T) {
	t.Parallel()
	well := redisNode{Disk: diskUse{AOF: true, Fsync: "everysec"}}
	if found := warningsOf(well); len(found) != 0 {
		t.Fatalf("a server that is well: %+v", found)
	}
	for want, change := range map[string]func(*redisNode){
		"keys were evicted":            func(n *redisNode) { n.Memory.Evicted = 1 },
		"84 % of the machine's memory": func(n *redisNode) { n.Memory.Used, n.Memory.System = 84, 100 },
		"2.0 times the memory":         func(n *redisNode) { n.Memory.Used, n.Memory.Fragmentation = 1<<30, 2 },
		"still loading":                func(n *redisNode) { n.Disk.Loading = true },
		"append-only file failed":      func(n *redisNode) { n.Disk.AOFFailed = true },
		"last snapshot failed":         func(n *redisNode) { n.Disk.SaveFailed = true },
		"stopped the server for":       func(n *redisNode) { n.Disk.ForkTook = time.Second },
		"lost its master":              func(n *redisNode) { n.Replication.LinkDown = true },
		"PING takes 20 ms":             func(n *redisNode) { n.Latency = 20 * time.Millisecond },
		"90 of 100 connections":        func(n *redisNode) { n.Clients.Connected, n.Clients.Max = 90, 100 },
		"3 connections were refused":   func(n *redisNode) { n.Clients.Rejected = 3 },
	} {
		ill := well
		change(&ill)
		if found := warningsOf(ill); len(found) != 1 || !strings.Contains(found[0].What, want) || found[0].Do == "" {
			t.Errorf("%s: %+v", want, found)
		}
	}
}

func TestBytesText(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 5 << 20: "5 MiB", 1 << 40: "1 TiB",
		1 << 50: "1 PiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
