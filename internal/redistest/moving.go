package redistest

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// SlotMove moves the slot of a key from one master of a cluster to another.
type SlotMove struct {
	From, To *redis.Client

	tb           testing.TB
	slot         int
	fromID, toID string
}

// NewSlotMove prepares to move the slot of a key from the master that has it to another one.
func NewSlotMove(tb testing.TB, cluster *redis.ClusterClient, key string) *SlotMove {
	tb.Helper()
	m := &SlotMove{tb: tb, slot: int(cluster.ClusterKeySlot(tb.Context(), key).Val())}
	found := make(chan *redis.Client, 16)
	m.must(cluster.ForEachMaster(tb.Context(), func(_ context.Context, node *redis.Client) error {
		found <- node
		return nil
	}))
	close(found)
	for node := range found {
		if m.owns(node) {
			m.From = node
		} else {
			m.To = node
		}
	}
	if m.From == nil || m.To == nil {
		tb.Fatalf("there are not two masters of which one has slot %d", m.slot)
	}
	m.fromID, m.toID = m.id(m.From), m.id(m.To)
	return m
}

func (m *SlotMove) must(err error) {
	m.tb.Helper()
	if err != nil {
		m.tb.Fatal(err)
	}
}

func (m *SlotMove) id(node *redis.Client) string {
	id, err := node.Do(m.tb.Context(), "CLUSTER", "MYID").Text()
	m.must(err)
	return id
}

// owns reports whether a node has the slot, as the node itself sees it.
func (m *SlotMove) owns(node *redis.Client) bool {
	nodes, err := node.ClusterNodes(m.tb.Context()).Result()
	m.must(err)
	for line := range strings.Lines(nodes) {
		if fields := strings.Fields(line); len(fields) > 8 && strings.Contains(fields[2], "myself") {
			return slices.ContainsFunc(fields[8:], m.isIn)
		}
	}
	return false
}

// isIn reports whether the slot is in a range of them such as 0-8191 or 7, of the reply to CLUSTER NODES.
func (m *SlotMove) isIn(text string) bool {
	first, last, isRange := strings.Cut(text, "-")
	from, err := strconv.Atoi(first)
	if err != nil {
		return false // a slot that moves
	}
	to := from
	if isRange {
		to, err = strconv.Atoi(last)
	}
	return err == nil && from <= m.slot && m.slot <= to
}

// Begin opens the slot at both masters, as redis-cli --cluster reshard does.
func (m *SlotMove) Begin() {
	m.tb.Helper()
	ctx := m.tb.Context()
	m.must(m.To.Do(ctx, "CLUSTER", "SETSLOT", m.slot, "IMPORTING", m.fromID).Err())
	m.must(m.From.Do(ctx, "CLUSTER", "SETSLOT", m.slot, "MIGRATING", m.toID).Err())
}

// Migrate moves keys of the slot; those that do not exist are passed over.
func (m *SlotMove) Migrate(keys ...string) {
	m.tb.Helper()
	host, port, err := net.SplitHostPort(m.To.Options().Addr)
	m.must(err)
	args := []any{"MIGRATE", host, port, "", 0, 5000, "KEYS"}
	for _, key := range keys {
		args = append(args, key)
	}
	m.must(m.From.Do(m.tb.Context(), args...).Err())
}

// Finish moves all keys that are left, and gives the slot to the other master.
func (m *SlotMove) Finish() {
	m.tb.Helper()
	ctx := m.tb.Context()
	for {
		keys, err := m.From.ClusterGetKeysInSlot(ctx, m.slot, 1000).Result()
		m.must(err)
		if len(keys) == 0 {
			break
		}
		m.Migrate(keys...)
	}
	for _, node := range []*redis.Client{m.To, m.From} {
		m.must(node.Do(ctx, "CLUSTER", "SETSLOT", m.slot, "NODE", m.toID).Err())
	}
}

// Back prepares to move the slot back.
func (m *SlotMove) Back() *SlotMove {
	return &SlotMove{From: m.To, To: m.From, tb: m.tb, slot: m.slot, fromID: m.toID, toID: m.fromID}
}

// AtOnce moves the slot in one step where the server can (Redis 8.4, Valkey 9.0), and key by key where not.
func (m *SlotMove) AtOnce() {
	m.tb.Helper()
	ctx := m.tb.Context()
	err := m.To.Do(ctx, "CLUSTER", "MIGRATION", "IMPORT", m.slot, m.slot).Err()
	if isUnknown(err) {
		err = m.From.Do(ctx, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", m.slot, m.slot, "NODE", m.toID).Err()
	}
	if isUnknown(err) {
		m.Begin()
		m.Finish()
		return
	}
	m.must(err)
	await(m.tb, "the slot does not move", func() bool { return m.owns(m.To) })
}

func isUnknown(err error) bool {
	return err != nil && strings.Contains(err.Error(), "unknown subcommand")
}
