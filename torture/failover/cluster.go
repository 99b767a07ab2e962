package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

const masters = 3

// clusterWorld is a cluster of three masters with a replica each. Queue i of its queues is at master i at first.
type clusterWorld struct {
	*world
	nodes *redistest.Nodes
}

// playCluster runs the steps of a cluster.
func playCluster(ctx context.Context, dir, only string, out io.Writer) ([]*row, *aside, error) {
	w, err := openCluster(ctx, dir, out)
	if err != nil {
		return nil, nil, err
	}
	defer w.nodes.Kill()
	w.only = only
	return w.play(ctx, w.all)
}

func openCluster(ctx context.Context, dir string, out io.Writer) (*clusterWorld, error) {
	nodes, err := redistest.StartNodes(ctx, dir, masters, redistest.Start)
	if err != nil {
		return nil, err
	}
	addrs := nodes.Addrs()
	w := &clusterWorld{nodes: nodes}
	w.world = &world{name: "cluster", out: out, open: func(string) redis.UniversalClient {
		return redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	}, probe: &probe{}}
	if w.queues, err = w.spread(ctx); err != nil {
		nodes.Kill()
		return nil, err
	}
	return w, nil
}

// queueKey is the key of a queue, which says where it lies.
func queueKey(name string) string { return "navvy:{" + name + "}" }

// spread finds a name of a queue for each master.
func (w *clusterWorld) spread(ctx context.Context) ([]string, error) {
	names := make([]string, masters)
	for n, found := 0, 0; found < masters && n < 100; n++ {
		name := fmt.Sprintf("q%d", n)
		owner, _, err := w.nodes.Owner(ctx, queueKey(name))
		if err != nil {
			return nil, err
		}
		for i, server := range w.nodes.Servers[:masters] {
			if server == owner && names[i] == "" {
				names[i] = name
				found++
			}
		}
	}
	return names, nil
}

func (w *clusterWorld) all(ctx context.Context) error {
	steps := []struct {
		name, queue string
		do          func(context.Context, *step) error
	}{
		{"CLUSTER FAILOVER", w.queues[0], w.planned},
		{"kill -9 of a master", w.queues[1], w.kill},
		{"a master and its replica are frozen", w.queues[2], w.freeze},
		{"a slot moves, key by key", w.queues[2], w.classic},
		{"and back", w.queues[2], w.classic},
		{"a slot moves at once", w.queues[2], w.atOnce},
		{"and back at once", w.queues[2], w.atOnce},
		{"a node is added", w.queues[0], w.add},
		{"a node is removed", w.queues[0], w.remove},
	}
	can, err := canMoveAtOnce(ctx, w.nodes.Servers[0])
	if err != nil {
		return err
	}
	for _, next := range steps {
		if !can && (next.name == "a slot moves at once" || next.name == "and back at once") {
			continue
		}
		if err := w.step(ctx, next.name, next.queue, func(s *step) error { return next.do(ctx, s) }); err != nil {
			return err
		}
	}
	return nil
}

// awaitOther waits until another server has a queue's slot.
func (w *clusterWorld) awaitOther(ctx context.Context, queue string, old *redistest.Server) error {
	return redistest.Wait(ctx, promotedIn, "another node has the slot", func(ctx context.Context) bool {
		owner, _, err := w.nodes.Owner(ctx, queueKey(queue))
		return err == nil && owner != old
	})
}

// planned makes a replica the master in agreement with it: nothing is lost.
func (w *clusterWorld) planned(ctx context.Context, s *step) error {
	old, replica, err := w.nodes.Owner(ctx, queueKey(s.queue))
	if err != nil {
		return err
	}
	if err := command(ctx, replica, "CLUSTER", "FAILOVER"); err != nil {
		return err
	}
	if err := w.awaitOther(ctx, s.queue, old); err != nil {
		return err
	}
	s.promoted = now()
	pause.For(ctx, settle)
	return nil
}

// kill loses what the master had not sent to its replica yet.
func (w *clusterWorld) kill(ctx context.Context, s *step) error {
	old, replica, err := w.nodes.Owner(ctx, queueKey(s.queue))
	if err != nil {
		return err
	}
	at := now()
	s.loss = span{at - int64(instant), at + int64(instant)}
	old.Kill()
	if err := w.awaitWrites(ctx, s.queue, replica); err != nil {
		return err
	}
	s.promoted = now()
	s.away = span{at, s.promoted}
	pause.For(ctx, settle)
	if err := old.Restart(); err != nil {
		return err
	}
	return old.AwaitReplica(ctx)
}

// awaitWrites waits until one of some servers takes writes to a queue.
func (w *clusterWorld) awaitWrites(ctx context.Context, queue string, servers ...*redistest.Server) error {
	return redistest.Wait(ctx, promotedIn, "a node takes writes", func(ctx context.Context) bool {
		return slices.ContainsFunc(servers, func(server *redistest.Server) bool {
			return command(ctx, server, "SET", "probe:{"+queue+"}", "") == nil
		})
	})
}

// freeze stops a master and its replica for longer than a page of the dashboard waits for Redis. Once they go on the
// replica may become the master, and until the old one knows of that, it takes writes, those first that clients sent
// while it was frozen.
func (w *clusterWorld) freeze(ctx context.Context, s *step) error {
	master, replica, err := w.nodes.Owner(ctx, queueKey(s.queue))
	if err != nil {
		return err
	}
	at := now()
	s.loss = span{at - int64(instant), at + int64(instant)}
	thawed, err := frozen(ctx, []*redistest.Server{master, replica})
	if err != nil {
		return err
	}
	if err := w.awaitWrites(ctx, s.queue, master, replica); err != nil {
		return err
	}
	s.promoted = now()
	s.away = span{at, thawed}
	pause.For(ctx, settle)
	owner, _, err := w.nodes.Owner(ctx, queueKey(s.queue))
	if err == nil && owner != master {
		s.loss.to = s.promoted + int64(promotes)
	}
	return err
}
