package redisx

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"
)

// StreamID is the ID of an entry of a stream. The zero value is 0-0, which no entry has: it is before them all.
type StreamID struct{ Ms, Seq uint64 }

// ParseStreamID reads the ID of an entry, and reports whether the text is one. Of an incomplete ID such as "5" it
// returns what Redis takes it for, 5-0, and false; of any other text, the zero value and false.
func ParseStreamID(text string) (StreamID, bool) {
	msText, seqText, complete := strings.Cut(text, "-")
	ms, err := strconv.ParseUint(msText, 10, 64)
	if err != nil {
		return StreamID{}, false
	}
	if !complete {
		return StreamID{Ms: ms}, false
	}
	seq, err := strconv.ParseUint(seqText, 10, 64)
	if err != nil {
		return StreamID{}, false
	}
	return StreamID{ms, seq}, true
}

// String returns the ID as Redis writes it.
func (id StreamID) String() string {
	text := make([]byte, 0, 41) // two numbers of 20 digits
	text = append(strconv.AppendUint(text, id.Ms, 10), '-')
	return string(strconv.AppendUint(text, id.Seq, 10))
}

// Compare returns -1 if the ID is before the other in a stream, 1 if it is after it, and 0 if they are the same.
func (id StreamID) Compare(other StreamID) int {
	return cmp.Or(cmp.Compare(id.Ms, other.Ms), cmp.Compare(id.Seq, other.Seq))
}

// Next returns the ID that follows. The greatest of all is followed by none: Next returns it again.
func (id StreamID) Next() StreamID {
	switch {
	case id.Seq < math.MaxUint64:
		return StreamID{id.Ms, id.Seq + 1}
	case id.Ms < math.MaxUint64:
		return StreamID{Ms: id.Ms + 1}
	}
	return id
}

// lastTime is in the last day of the year 9999, wherever: JSON has no later years.
var lastTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).UnixMilli()

// Time returns when the entry was added, by the clock of Redis unless its ID was given by a client. It is the zero time
// for an ID without one, which begins with 0, and the last day of the year 9999 for all that are later.
func (id StreamID) Time() time.Time {
	if id.Ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(min(id.Ms, uint64(lastTime))))
}
