package inspect

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"
)

// pendingEntries reads the entries of pending rows, several with one command. What is finished is deleted, so that most
// entries from one row to the next are pending, too; a row whose entry lies behind others that are not is read alone.
type pendingEntries struct {
	stream string
	rows   []redis.XPendingExt
	read   []*redis.XMessageSliceCmd
}

// newPendingEntries asks for the entries, firstChunk at a time, since it is not known how large they are.
func newPendingEntries(
	ctx context.Context, pipe redis.Pipeliner, stream string, rows []redis.XPendingExt,
) *pendingEntries {
	r := &pendingEntries{stream: stream, rows: rows}
	for run := range slices.Chunk(rows, firstChunk) {
		r.read = append(r.read, pipe.XRangeN(ctx, stream, run[0].ID, run[len(run)-1].ID, int64(len(run))))
	}
	return r
}

// entries returns, by their IDs, the entries of the rows that have one.
func (r *pendingEntries) entries(ctx context.Context, rdb redis.UniversalClient) (map[string]redis.XMessage, error) {
	entries := make(map[string]redis.XMessage, len(r.rows))
	pipe := rdb.Pipeline()
	var alone []*redis.XMessageSliceCmd
	for k, read := range r.read {
		keep(entries, read)
		run := r.rows[k*firstChunk : min((k+1)*firstChunk, len(r.rows))]
		if len(read.Val()) < len(run) {
			continue // all that there is between the first and the last
		}
		for _, row := range run {
			if _, ok := entries[row.ID]; !ok {
				alone = append(alone, pipe.XRange(ctx, r.stream, row.ID, row.ID))
			}
		}
	}
	if len(alone) == 0 {
		return entries, nil
	}
	if err := execute(ctx, pipe); err != nil {
		return nil, err
	}
	for _, read := range alone {
		keep(entries, read)
	}
	return entries, nil
}

func keep(entries map[string]redis.XMessage, read *redis.XMessageSliceCmd) {
	for _, entry := range read.Val() {
		entries[entry.ID] = entry
	}
}
