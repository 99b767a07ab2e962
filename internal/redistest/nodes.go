package redistest

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const clusterSlots = 16384

// Nodes is a cluster of masters and as many replicas.
type Nodes struct {
	Servers []*Server // first the masters, then the replica of each, as they were at the start

	dir   string
	start Starter
}

// StartNodes starts a cluster of masters with a replica each, in directories below dir. It takes a node for dead that
// is silent for a second.
func StartNodes(ctx context.Context, dir string, masters int, start Starter) (n *Nodes, err error) {
	n = &Nodes{dir: dir, start: start}
	defer func() {
		if err != nil {
			n.Kill()
		}
	}()
	for range 2 * masters {
		if _, err := n.add(ctx); err != nil {
			return n, err
		}
	}
	for i := range masters {
		from, to := i*clusterSlots/masters, (i+1)*clusterSlots/masters-1
		if err := n.Servers[i].with(func(rdb *redis.Client) error {
			return rdb.ClusterAddSlotsRange(ctx, from, to).Err()
		}); err != nil {
			return n, err
		}
	}
	for _, server := range n.Servers[1:] {
		if err := n.meet(ctx, server); err != nil {
			return n, err
		}
	}
	if err := n.known(ctx); err != nil {
		return n, err
	}
	for i, replica := range n.Servers[masters:] {
		id, err := n.Servers[i].NodeID(ctx)
		if err != nil {
			return n, err
		}
		if err := replica.with(func(rdb *redis.Client) error {
			return Wait(ctx, time.Minute, "a node becomes a replica", func(ctx context.Context) bool {
				return rdb.ClusterReplicate(ctx, id).Err() == nil
			})
		}); err != nil {
			return n, err
		}
	}
	for _, replica := range n.Servers[masters:] {
		if err := replica.AwaitReplica(ctx); err != nil {
			return n, err
		}
	}
	return n, n.replicasKnown(ctx, masters)
}

// add starts a node that is in no cluster yet.
func (n *Nodes) add(ctx context.Context) (*Server, error) {
	node, err := startIn(n.dir, "node"+strconv.Itoa(len(n.Servers)), n.start, "--cluster-enabled", "yes",
		"--cluster-node-timeout", "1000", "--cluster-allow-replica-migration", "no", "--repl-diskless-sync-delay", "0")
	if err != nil {
		return nil, err
	}
	n.Servers = append(n.Servers, node)
	return node, node.with(func(rdb *redis.Client) error {
		return rdb.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", len(n.Servers)).Err()
	})
}

func (n *Nodes) meet(ctx context.Context, server *Server) error {
	host, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		return err
	}
	return n.Servers[0].with(func(rdb *redis.Client) error { return rdb.ClusterMeet(ctx, host, port).Err() })
}

// known waits until every node knows all others and finds the cluster in order.
func (n *Nodes) known(ctx context.Context) error {
	return n.each(ctx, "every node knows all others", func(ctx context.Context, rdb *redis.Client) bool {
		info := rdb.ClusterInfo(ctx).Val()
		return strings.Contains(info, "cluster_state:ok") &&
			strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(len(n.Servers))+"\r")
	})
}

func (n *Nodes) replicasKnown(ctx context.Context, replicas int) error {
	return n.each(ctx, "every node knows all replicas", func(ctx context.Context, rdb *redis.Client) bool {
		lines := rdb.ClusterNodes(ctx).Val()
		return strings.Count(lines, " slave ")+strings.Count(lines, ",slave ") == replicas
	})
}

func (n *Nodes) each(ctx context.Context, what string, holds func(context.Context, *redis.Client) bool) error {
	for _, server := range n.Servers {
		if err := server.with(func(rdb *redis.Client) error {
			return Wait(ctx, time.Minute, what, func(ctx context.Context) bool { return holds(ctx, rdb) })
		}); err != nil {
			return err
		}
	}
	return nil
}

// Add starts a node more, a master without slots, and waits until all know it.
func (n *Nodes) Add(ctx context.Context) (*Server, error) {
	node, err := n.add(ctx)
	if err != nil {
		return nil, err
	}
	if err := n.meet(ctx, node); err != nil {
		return nil, err
	}
	return node, n.known(ctx)
}

// Remove has all other nodes forget a node, which has no slots any more, and ends it.
func (n *Nodes) Remove(ctx context.Context, node *Server) error {
	id, err := node.NodeID(ctx)
	if err != nil {
		return err
	}
	var rest []*Server
	for _, server := range n.Servers {
		if server == node {
			continue
		}
		rest = append(rest, server)
		if err := server.with(func(rdb *redis.Client) error { return rdb.ClusterForget(ctx, id).Err() }); err != nil {
			return err
		}
	}
	node.Kill()
	n.Servers = rest
	return nil
}

// NodeID is a node's name in its cluster.
func (s *Server) NodeID(ctx context.Context) (id string, err error) {
	err = s.with(func(rdb *redis.Client) error {
		id, err = rdb.Do(ctx, "CLUSTER", "MYID").Text()
		return err
	})
	return id, err
}

// Addrs are the addresses of all nodes.
func (n *Nodes) Addrs() (addrs []string) {
	for _, server := range n.Servers {
		addrs = append(addrs, server.Addr)
	}
	return addrs
}

// Owner returns the node that has the slot of a key, as that node itself finds, and its replica if it has one.
func (n *Nodes) Owner(ctx context.Context, key string) (owner, replica *Server, err error) {
	err = Wait(ctx, time.Minute, "a node has the slot of "+key, func(ctx context.Context) bool {
		owner, replica = n.owner(ctx, key)
		return owner != nil
	})
	return owner, replica, err
}

func (n *Nodes) owner(ctx context.Context, key string) (owner, replica *Server) {
	for _, server := range n.Servers {
		_ = server.with(func(rdb *redis.Client) error {
			slot, err := rdb.ClusterKeySlot(ctx, key).Result()
			nodes := rdb.ClusterNodes(ctx).Val()
			if id := ownID(nodes, int(slot)); err == nil && id != "" {
				owner, replica = server, n.replicaOf(nodes, id)
			}
			return err
		})
		if owner != nil {
			return owner, replica
		}
	}
	return nil, nil
}

// ownID returns the name of the node that lists these nodes, if it is a master that has a slot.
func ownID(nodes string, slot int) string {
	for line := range strings.Lines(nodes) {
		fields := strings.Fields(line)
		if len(fields) < 9 || !strings.HasPrefix(fields[2], "myself,master") {
			continue
		}
		for _, span := range fields[8:] {
			first, last, isRange := strings.Cut(span, "-")
			if !isRange {
				last = first
			}
			from, err := strconv.Atoi(first)
			to, err2 := strconv.Atoi(last)
			if err == nil && err2 == nil && from <= slot && slot <= to {
				return fields[0]
			}
		}
	}
	return ""
}

// replicaOf finds the replica of a master among listed nodes.
func (n *Nodes) replicaOf(nodes, master string) *Server {
	for line := range strings.Lines(nodes) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != master || strings.Contains(fields[2], "fail") {
			continue
		}
		addr, _, _ := strings.Cut(fields[1], "@")
		for _, server := range n.Servers {
			if server.Addr == addr {
				return server
			}
		}
	}
	return nil
}

// Kill ends all nodes.
func (n *Nodes) Kill() {
	for _, server := range n.Servers {
		server.Kill()
	}
}
