package payment

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// place is where an order is in an index by time, and as text the cursor of a listing: orders of one millisecond are in
// the order of their IDs, and a page may end between them.
type place struct {
	since int64 // Unix ms
	id    string
}

func (p place) String() string { return strconv.FormatInt(p.since, 10) + ":" + p.id }

func (p place) compare(other place) int {
	return cmp.Or(cmp.Compare(p.since, other.since), strings.Compare(p.id, other.id))
}

// parseCursor reads what String wrote. An empty cursor is the place before all.
func parseCursor(cursor string) (place, error) {
	if cursor == "" {
		return place{}, nil
	}
	since, id, ok := strings.Cut(cursor, ":")
	ms, err := strconv.ParseInt(since, 10, 64)
	if !ok || err != nil {
		return place{}, fmt.Errorf("payment: %w: %q is not a cursor", ErrInvalid, cursor)
	}
	return place{since: ms, id: id}, nil
}
