package queue

import (
	"context"
	"slices"
	"sync"

	"github.com/navvy-go/navvy/internal/redisx"
)

const (
	packedData = 16 << 10 // bytes of a job's data: to copy more costs more than it saves
	packedKept = 1 << 20  // bytes of memory that are kept from one pipeline to the next
)

// packedMemory has what pipelines were written into: *[]byte.
var packedMemory = sync.Pool{New: func() any { return new([]byte) }}

// isPackable reports whether a pipeline has nothing but plain, small jobs.
func isPackable(batch []*enqueueOp) bool {
	return len(batch) > 1 && !slices.ContainsFunc(batch, func(op *enqueueOp) bool {
		return op.call != nil || op.size > packedData
	})
}

// sendPacked sends plain jobs as commands that are written here.
func (s *sender) sendPacked(ctx context.Context, batch []*enqueueOp) {
	memory := packedMemory.Get().(*[]byte)
	requests := (*memory)[:0]
	for _, op := range batch {
		requests, _ = redisx.AppendCommand(requests, op.args...) // of types that it knows
	}
	sent := redisx.NewPackedPipeline(ctx, len(batch), requests)
	_ = s.rdb.Process(ctx, sent) // each command has its own error
	sent.Replies(func(i int, entry []byte, err error) { batch[i].took(entry, err) })
	if cap(requests) <= packedKept {
		*memory = requests
		packedMemory.Put(memory)
	}
}
