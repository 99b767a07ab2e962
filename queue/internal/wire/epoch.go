package wire

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// ErrMoved says that a worker may talk to another server than it did when it got its entries.
var ErrMoved = errors.New("a connection was opened since: it may lead to another server")

// Epochs counts the connections that a client opens. Behind a new one may be a server that has lost what the one before
// had written last, and gives the same entry IDs to other jobs.
//
// Why: docs/decisions/engine.md#an-entry-is-held-against-its-job-where-its-id-may-have-been-given-twice
type Epochs struct{ opened atomic.Int64 }

// Watch counts the connections of a client from now on.
func (e *Epochs) Watch(rdb redis.UniversalClient) {
	switch rdb := rdb.(type) {
	case *redis.Client:
		rdb.AddHook(&dialHook{epochs: e})
	case *redis.ClusterClient:
		rdb.OnNewNode(func(node *redis.Client) { node.AddHook(&dialHook{epochs: e}) })
	}
}

// Advance notes that the server may be another one, for another reason than a new connection.
func (e *Epochs) Advance() { e.opened.Add(1) }

// Now is the epoch now.
func (e *Epochs) Now() int64 { return e.opened.Load() }

// Epoch is an epoch as an argument of a script: '1' if it is over when the command is written, which is after the
// connection was opened that it is written to.
type Epoch struct {
	Epochs *Epochs
	At     int64
}

// MarshalBinary is called by the client library as it writes the command.
func (e *Epoch) MarshalBinary() ([]byte, error) { return []byte(flag(e.Epochs.Now() != e.At)), nil }

// dialHook counts when what a client dials leads to another server than before. Another server behind the same address
// is noticed by the reads that failed when the connections to the one before ended.
type dialHook struct {
	epochs *Epochs
	server atomic.Pointer[string]
}

func (h *dialHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err != nil {
			h.epochs.Advance()
			return conn, err
		}
		server := ""
		if remote := conn.RemoteAddr(); remote != nil {
			server = remote.String()
		}
		if before := h.server.Swap(&server); before == nil || *before != server {
			h.epochs.Advance()
		}
		return conn, nil
	}
}

func (*dialHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (*dialHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
