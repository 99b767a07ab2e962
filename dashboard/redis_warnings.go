package dashboard

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// warning is what is wrong with a server, and what to do about it.
type warning struct {
	Level string `json:"level"` // bad or warn
	What  string `json:"what"`
	Do    string `json:"do"`
}

func bad(what, do string) warning     { return warning{"bad", what, do} }
func caution(what, do string) warning { return warning{"warn", what, do} }

var unreachable = bad("The server does not answer.", "Check that it runs, and that the monitor can connect to it.")

const (
	slowPing = 10 * time.Millisecond
	slowFork = 500 * time.Millisecond
	fewBytes = 100 << 20 // below, fragmentation says nothing
)

// warningsOf lists the problems of a server.
func warningsOf(n redisNode) []warning {
	var all []warning
	for _, judge := range []func(redisNode) []warning{
		evictionWarnings, memoryWarnings, diskWarnings, replicationWarnings, versionWarnings, loadWarnings,
	} {
		all = append(all, judge(n)...)
	}
	return all
}

func evictionWarnings(n redisNode) []warning {
	var found []warning
	if n.Memory.Evicted > 0 {
		found = append(found, bad(
			count(n.Memory.Evicted)+" keys were evicted since the server started: jobs, leases or locks may be lost.",
			"Set maxmemory-policy noeviction, and check each queue's books with monitor verify.",
		))
	}
	switch {
	case n.Memory.Policy == "" || n.Memory.Policy == "noeviction":
	case strings.HasPrefix(n.Memory.Policy, "allkeys-"):
		found = append(found, bad(
			"maxmemory-policy is "+n.Memory.Policy+": when memory runs out, Redis deletes whole queues.",
			"Run CONFIG SET maxmemory-policy noeviction, and set it in redis.conf.",
		))
	default:
		found = append(found, caution(
			"maxmemory-policy is "+n.Memory.Policy+": when memory runs out, "+
				"Redis deletes keys with a TTL, such as locks and sessions.",
			"Run CONFIG SET maxmemory-policy noeviction, or keep such keys on a server of their own.",
		))
	}
	return found
}

func memoryWarnings(n redisNode) []warning {
	bound, name := n.Memory.Max, "maxmemory"
	if bound == 0 {
		bound, name = n.Memory.System, "the machine's memory"
	}
	var found []warning
	if bound > 0 {
		switch used := float64(n.Memory.Used) / float64(bound); {
		case used > 0.95:
			found = append(found, bad(
				fmt.Sprintf("Memory is full: %.0f %% of %s. New jobs are refused, or will be.", 100*used, name),
				"Let workers drain the queues, delete dead jobs that nobody needs, or give the server more memory.",
			))
		case used > 0.8:
			found = append(found, caution(
				fmt.Sprintf("Memory is nearly full: %.0f %% of %s.", 100*used, name),
				"See below which queue holds most, and add workers or memory before it is full.",
			))
		}
	}
	if n.Memory.Fragmentation > 1.5 && n.Memory.Used > fewBytes {
		found = append(found, caution(
			fmt.Sprintf("The process takes %.1f times the memory that its data needs.", n.Memory.Fragmentation),
			"Run CONFIG SET activedefrag yes, or restart the server at a quiet time.",
		))
	}
	return found
}

func diskWarnings(n redisNode) []warning {
	var found []warning
	if n.Disk.Loading {
		found = append(found, caution(
			"The server is still loading its data.", "Wait: it answers no other command until then."))
	}
	if n.Disk.AOFFailed {
		found = append(found, bad("The last write of the append-only file failed.",
			"See the server's log; most often its disk is full."))
	}
	if n.Disk.SaveFailed {
		found = append(found, bad("The last snapshot failed, so the server may refuse writes.",
			"See the server's log; most often its disk is full, or memory too short to fork."))
	}
	switch {
	case n.Disk.AOF && n.Disk.Fsync == "no":
		found = append(found, caution(
			"appendfsync is no: a crash of the machine loses what the kernel had not written, some 30 s.",
			"Run CONFIG SET appendfsync everysec.",
		))
	case n.Disk.AOF:
	case n.Disk.Snapshots != nil && *n.Disk.Snapshots == "":
		found = append(found, bad(
			"Nothing is written to disk: a restart loses every job.",
			"Run CONFIG SET appendonly yes, and set it in redis.conf.",
		))
	default:
		found = append(found, caution(
			"Only snapshots are written to disk: a crash loses what came after the last one ("+count(n.Disk.Changes)+
				" changes now).",
			"Run CONFIG SET appendonly yes, and set it in redis.conf.",
		))
	}
	if n.Disk.ForkTook > slowFork {
		found = append(found, caution(
			"The last fork, for a snapshot or a rewrite, stopped the server for "+span(n.Disk.ForkTook)+".",
			"Turn transparent huge pages off, or move snapshots to a replica.",
		))
	}
	return found
}

func replicationWarnings(n redisNode) []warning {
	if n.Replication.LinkDown {
		return []warning{bad("This replica has lost its master: its data gets out of date.",
			"Check the network between them, and both logs.")}
	}
	return nil
}

// patched lists, by major and minor version, the first release without the use-after-free in Lua scripts by which a
// client that may run a script may run anything (CVE-2025-49844).
var patched = map[string]map[string]int{
	"Redis":  {"6.2": 20, "7.2": 11, "7.4": 6, "8.0": 4, "8.2": 2},
	"Valkey": {"8.0": 6, "8.1": 4},
}

var (
	oldest = map[string][2]int{"Redis": {6, 2}, "Valkey": {8, 0}} // that navvy runs on
	fixed  = map[string][2]int{"Redis": {8, 3}, "Valkey": {9, 0}} // from the first release on
)

func versionWarnings(n redisNode) []warning {
	var major, minor, patch int
	if _, err := fmt.Sscanf(n.Version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return nil
	}
	is := n.Product + " " + n.Version
	before := func(v [2]int) bool { return major < v[0] || major == v[0] && minor < v[1] }
	if low := oldest[n.Product]; before(low) {
		return []warning{bad(is+" is older than navvy supports.",
			fmt.Sprintf("Upgrade to %s %d.%d or later.", n.Product, low[0], low[1]))}
	}
	if !before(fixed[n.Product]) {
		return nil
	}
	first, known := patched[n.Product][strconv.Itoa(major)+"."+strconv.Itoa(minor)]
	if known && patch >= first {
		return nil
	}
	do := "Upgrade to a version that is maintained, unless your distribution has patched this one."
	if known {
		do = fmt.Sprintf("Upgrade to %d.%d.%d or later, unless your distribution has patched this one.", major, minor, first)
	}
	return []warning{caution(is+" has a vulnerability by which a client that may run scripts can run any program on the "+
		"machine (CVE-2025-49844).", do)}
}

func loadWarnings(n redisNode) []warning {
	var found []warning
	if n.Latency > slowPing {
		found = append(found, caution(
			"A PING takes "+span(n.Latency)+" from here.",
			"Look for slow commands below, for swapping, and for a network that is slow or full.",
		))
	}
	if n.Clients.Max > 0 && n.Clients.Connected*5 > n.Clients.Max*4 {
		found = append(found, caution(
			fmt.Sprintf("%s of %s connections are taken.", count(n.Clients.Connected), count(n.Clients.Max)),
			"Find out by CLIENT LIST which clients open them, or raise maxclients.",
		))
	}
	if n.Clients.Rejected > 0 {
		found = append(found, caution(
			count(n.Clients.Rejected)+" connections were refused since the server started.",
			"Find out by CLIENT LIST which clients open them, or raise maxclients.",
		))
	}
	return found
}
