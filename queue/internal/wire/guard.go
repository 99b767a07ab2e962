package wire

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Place is where a job is, as the guard of its ID says: "stream:<entry>" or,
// in another lane than the normal, "<lane>:<entry>"; "bodies", "bodies:<member>", "dead:<entry>",
// "cancelled:<entry>" or, after its end, "ended:<state>".
type Place struct{ Where, At string }

// The words that places begin with.
const (
	InStream    = "stream"
	InBodies    = "bodies"
	InDead      = string(EndedDead)
	InCancelled = string(EndedCancelled)
	InExpired   = string(EndedExpired)
	HasEnded    = "ended"
)

// ParsePlace reads a place.
func ParsePlace(text string) Place {
	where, at, _ := strings.Cut(text, ":")
	return Place{where, at}
}

// String returns the place as it is in Redis.
func (p Place) String() string {
	if p.At == "" {
		return p.Where
	}
	return p.Where + ":" + p.At
}

// Entry is the entry that the place names, if it is one in a lane.
func (p Place) Entry() (EntryRef, bool) {
	switch p.Where {
	case InStream:
		return EntryRef{ID: p.At}, true
	case HighLane.String():
		return EntryRef{ID: p.At, Lane: HighLane}, true
	case LowLane.String():
		return EntryRef{ID: p.At, Lane: LowLane}, true
	}
	return EntryRef{}, false
}

// PlaceOf is the place of an entry.
func PlaceOf(entry EntryRef) Place {
	if entry.Lane == NormalLane {
		return Place{InStream, entry.ID}
	}
	return Place{entry.Lane.String(), entry.ID}
}

// ReadGuard returns where the guard of a chosen ID says that its job is: the call's mark, the window and the place are
// one text, separated by spaces. The zero value if there is none, or a damaged one.
func ReadGuard(text string) Place {
	_, rest, _ := strings.Cut(text, " ")
	_, place, _ := strings.Cut(rest, " ")
	return ParsePlace(place)
}

// SweepIDs deletes guards of IDs whose windows are over, count at the most, and of those that it looks at the ones
// whose jobs are nowhere. It returns how many windows were over.
func SweepIDs(ctx context.Context, rdb redis.Scripter, q *QueueRef, count, look int) (int, error) {
	keys := []string{
		q.IDs(), q.IDsEnds(), q.Stream, q.Delayed(), q.Retrying(), q.Bodies(), q.Dead(), q.CancelledJobs(),
		q.laneStream(HighLane), q.laneStream(LowLane),
	}
	return scriptSweepIDs.Run(ctx, rdb, keys, q.Group, count, look).Int()
}
