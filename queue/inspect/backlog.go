package inspect

import (
	"cmp"
	"context"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// backlog is what is in a stream, as its group has it at one moment.
type backlog struct {
	waiting  int64 // the group was not given them yet
	inFlight int64
	leftover int64 // given to the group, acknowledged, and left

	after  string   // the entry behind which entries wait; "0-0" if there is no group yet
	first  string   // the first that waits; "" if none does
	others []string // other groups of the stream
}

// newBacklogRead asks for what is in a stream in one command: between two, a job that moves would count twice or not at
// all. A transaction would do as well, but a full Redis refuses it.
func newBacklogRead(ctx context.Context, pipe redis.Cmdable, q *wire.QueueRef) *redis.XInfoStreamFullCmd {
	return pipe.XInfoStreamFull(ctx, q.Stream, 1)
}

// ignoreNoKey makes it an answer that a key is missing.
func ignoreNoKey(err error) error {
	if isNoKey(err) {
		return nil
	}
	return err
}

// backlog reads what is in a stream.
func (i *Inspector) backlog(ctx context.Context, q *wire.QueueRef) (backlog, error) {
	read := newBacklogRead(ctx, i.rdb, q)
	if err := ignoreNoKey(read.Err()); err != nil {
		return backlog{}, err
	}
	return i.readBacklog(ctx, q, read.Val())
}

// readBacklog makes a backlog of what was read, with one more round trip if something waits or was left. What has moved
// since must not be taken for left: the counts are those of the one command.
//
// Waiting is the group's lag, and not what is neither pending nor deleted: consumers of other programs may acknowledge
// and not delete. Redis does not know the lag, and has 0 for it here, while entries are missing among those that wait,
// or if the group began in the middle of the stream, until the group has reached the end; and some versions have it
// wrong after a trim. Then what was given to the group is counted, see [Inspector.leftover].
//
// Why: docs/decisions/inspector.md#waiting-is-the-groups-lag
func (i *Inspector) readBacklog(ctx context.Context, q *wire.QueueRef, stream *redis.XInfoStreamFull) (backlog, error) {
	b := backlog{after: "0-0"}
	if stream == nil {
		return b, nil
	}
	own := redis.XInfoStreamGroup{}
	for _, g := range stream.Groups {
		if g.Name == q.Group {
			own = g
		} else {
			b.others = append(b.others, g.Name)
		}
	}
	slices.Sort(b.others)
	b.after, b.inFlight = cmp.Or(own.LastDeliveredID, b.after), own.PelCount
	rest := max(stream.Length-b.inFlight, 0)
	if rest == 0 && own.Lag <= 0 {
		return b, nil
	}
	first, err := i.rdb.XRangeN(ctx, q.Stream, "("+b.after, "+", 1).Result()
	if err != nil {
		return b, err
	}
	if len(first) > 0 {
		b.first = first[0].ID
	}
	switch {
	case own.Lag > 0:
		b.waiting = min(own.Lag, stream.Length)
	case b.first != "":
		left := int64(0)
		if hasLeftover(stream, own) {
			left, err = i.leftover(ctx, q, b)
		}
		b.waiting = max(rest-left, 1)
	}
	b.leftover = max(rest-b.waiting, 0)
	return b, err
}

// hasLeftover reports whether the first entry of a stream was given to the group and is not in flight. On streams that
// workers of this package alone read, what is done is deleted.
func hasLeftover(stream *redis.XInfoStreamFull, own redis.XInfoStreamGroup) bool {
	if len(stream.Entries) == 0 || isAfter(stream.Entries[0].ID, own.LastDeliveredID) {
		return false
	}
	return len(own.Pending) == 0 || own.Pending[0].ID != stream.Entries[0].ID
}

// leftoverScan bounds how many entries are looked at to count those that were left where Redis does not know the lag:
// with more, some of what was left counts as waiting until the group has reached the end of the stream.
const leftoverScan = 1000

// leftover counts the entries that were given to the group and are not in flight any more.
func (i *Inspector) leftover(ctx context.Context, q *wire.QueueRef, b backlog) (int64, error) {
	given, cursor, size := int64(0), "-", firstChunk
	for given < leftoverScan {
		entries, err := i.rdb.XRangeN(ctx, q.Stream, cursor, b.after, int64(size)).Result()
		if err != nil {
			return 0, err
		}
		given += int64(len(entries))
		if len(entries) < size {
			break
		}
		c := chunk{read: len(entries)}
		for _, entry := range entries {
			c.bytes += messageSize(entry)
		}
		cursor, size = "("+entries[len(entries)-1].ID, nextChunk(c)
	}
	return max(given-b.inFlight, 0), nil
}
