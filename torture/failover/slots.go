package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

// keyEvery is how long the move of a slot waits after each key, as one with many keys, or large ones, takes long.
const keyEvery = 20 * time.Millisecond

// move is a slot on its way from one node to another.
type move struct {
	slot         int
	from, to     *redis.Client
	fromID, toID string
}

func openMove(ctx context.Context, key string, from, to *redistest.Server) (*move, error) {
	m := &move{from: from.Open(), to: to.Open()}
	slot, err := m.from.ClusterKeySlot(ctx, key).Result()
	m.slot = int(slot)
	if err == nil {
		m.fromID, err = from.NodeID(ctx)
	}
	if err == nil {
		m.toID, err = to.NodeID(ctx)
	}
	if err != nil {
		m.close()
	}
	return m, err
}

func (m *move) close() {
	_ = m.from.Close()
	_ = m.to.Close()
}

// classic moves the slot key by key, as redis-cli --cluster reshard does.
func (m *move) classic(ctx context.Context) error {
	host, port, err := net.SplitHostPort(m.to.Options().Addr)
	if err != nil {
		return err
	}
	err = errors.Join(m.to.Do(ctx, "CLUSTER", "SETSLOT", m.slot, "IMPORTING", m.fromID).Err(),
		m.from.Do(ctx, "CLUSTER", "SETSLOT", m.slot, "MIGRATING", m.toID).Err())
	for err == nil && ctx.Err() == nil {
		var keys []string
		if keys, err = m.from.ClusterGetKeysInSlot(ctx, m.slot, 1).Result(); len(keys) == 0 {
			break
		}
		if err == nil {
			err = m.from.Do(ctx, "MIGRATE", host, port, keys[0], 0, 5000).Err()
		}
		pause.For(ctx, keyEvery)
	}
	return errors.Join(err, m.to.Do(ctx, "CLUSTER", "SETSLOT", m.slot, "NODE", m.toID).Err(),
		m.from.Do(ctx, "CLUSTER", "SETSLOT", m.slot, "NODE", m.toID).Err())
}

// canMoveAtOnce reports whether a server can move a slot in one step: Redis since 8.4, Valkey since 9.0.
func canMoveAtOnce(ctx context.Context, server *redistest.Server) (bool, error) {
	rdb := server.Open()
	defer rdb.Close()
	lines, err := rdb.Do(ctx, "CLUSTER", "HELP").StringSlice()
	text := strings.Join(lines, "\n")
	return strings.Contains(text, "MIGRATION") || strings.Contains(text, "MIGRATESLOTS"), err
}

// atOnce moves the slot in one step.
func (m *move) atOnce(ctx context.Context) error {
	err := m.to.Do(ctx, "CLUSTER", "MIGRATION", "IMPORT", m.slot, m.slot).Err()
	if err != nil && strings.Contains(err.Error(), "unknown subcommand") {
		err = m.from.Do(ctx, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", m.slot, m.slot, "NODE", m.toID).Err()
	}
	return err
}

// moves moves a queue's slot to a node and waits until it is there.
func (w *clusterWorld) moves(
	ctx context.Context, s *step, to *redistest.Server, how func(*move, context.Context) error,
) error {
	key := queueKey(s.queue)
	from, _, err := w.nodes.Owner(ctx, key)
	if err != nil {
		return err
	}
	m, err := openMove(ctx, key, from, to)
	if err != nil {
		return err
	}
	defer m.close()
	began := time.Now()
	if err := how(m, ctx); err != nil {
		return err
	}
	if err := redistest.Wait(ctx, promotedIn, "the slot is there", func(ctx context.Context) bool {
		owner, _, err := w.nodes.Owner(ctx, key)
		return err == nil && owner == to
	}); err != nil {
		return err
	}
	s.promoted = now()
	s.note = fmt.Sprintf("took %s", ms(time.Since(began)))
	pause.For(ctx, settle)
	return nil
}

// other returns a master that does not have a queue.
func (w *clusterWorld) other(ctx context.Context, queue string) (*redistest.Server, error) {
	owner, _, err := w.nodes.Owner(ctx, queueKey(queue))
	if err != nil {
		return nil, err
	}
	for _, name := range w.queues {
		if server, _, err := w.nodes.Owner(ctx, queueKey(name)); err != nil || server != owner {
			return server, err
		}
	}
	return nil, errors.New("all queues are at one master")
}

func (w *clusterWorld) classic(ctx context.Context, s *step) error {
	return w.toOther(ctx, s, (*move).classic)
}

func (w *clusterWorld) atOnce(ctx context.Context, s *step) error {
	return w.toOther(ctx, s, (*move).atOnce)
}

func (w *clusterWorld) toOther(ctx context.Context, s *step, how func(*move, context.Context) error) error {
	to, err := w.other(ctx, s.queue)
	if err != nil {
		return err
	}
	return w.moves(ctx, s, to, how)
}

// add has a new node take a queue over.
func (w *clusterWorld) add(ctx context.Context, s *step) error {
	node, err := w.nodes.Add(ctx)
	if err != nil {
		return err
	}
	return w.moves(ctx, s, node, (*move).classic)
}

// remove takes the queue from that node again, and the node from the cluster.
func (w *clusterWorld) remove(ctx context.Context, s *step) error {
	node, _, err := w.nodes.Owner(ctx, queueKey(s.queue))
	if err != nil {
		return err
	}
	to, err := w.other(ctx, s.queue)
	if err != nil {
		return err
	}
	if err := w.moves(ctx, s, to, (*move).classic); err != nil {
		return err
	}
	return w.nodes.Remove(ctx, node)
}
