package wire

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// ErrMoved says that a worker may talk to another server than it did when it got its entries.
var ErrMoved = errors.New("this may be another server than the one that gave the entries")

// Epochs counts how often a client may have come to another server: one that has lost what the one before had written
// last, and gives the same entry IDs to other jobs.
//
// Why: docs/decisions/engine.md#an-entry-is-held-against-its-job-where-its-id-may-have-been-given-twice
type Epochs struct{ count atomic.Int64 }

// Watch looks at what a client dials from now on.
func (e *Epochs) Watch(rdb redis.UniversalClient) {
	switch rdb := rdb.(type) {
	case *redis.Client:
		rdb.AddHook(&dialHook{epochs: e, of: rdb})
	case *redis.ClusterClient:
		rdb.OnNewNode(func(node *redis.Client) { node.AddHook(&dialHook{epochs: e, of: node}) })
	}
}

// Advance notes that the server may be another one, for another reason than a connection in place of one that was lost.
func (e *Epochs) Advance() { e.count.Add(1) }

// Now is the epoch now.
func (e *Epochs) Now() int64 { return e.count.Load() }

// Epoch is an epoch as an argument of a script: '1' if it is over when the command is written, which is after the
// connection was opened that it is written to.
type Epoch struct {
	Epochs *Epochs
	At     int64
}

// MarshalBinary is called by the client library as it writes the command.
func (e *Epoch) MarshalBinary() ([]byte, error) { return []byte(flag(e.Epochs.Now() != e.At)), nil }

// dialHook begins an epoch with a connection that leads elsewhere than the one before, or that is opened after one was
// lost: another server may be behind the same address. That a pool grows begins none.
type dialHook struct {
	epochs *Epochs
	of     *redis.Client

	mu     sync.Mutex // guards the two below
	server string
	lost   uint32 // connections, at the last look
}

func (h *dialHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err != nil || h.mayBeAnother(conn) {
			h.epochs.Advance()
		}
		return conn, err
	}
}

func (h *dialHook) mayBeAnother(conn net.Conn) bool {
	server, lost := "", h.of.PoolStats().StaleConns
	if remote := conn.RemoteAddr(); remote != nil {
		server = remote.String()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	another := server != h.server || lost != h.lost
	h.server, h.lost = server, lost
	return another
}

func (*dialHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (*dialHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
