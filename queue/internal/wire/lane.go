package wire

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Lane is one of the streams of a queue. Jobs of one priority are in one lane, and each lane's stream counts its
// entries for itself: the ID of an entry names it only together with its lane.
//
// Why: docs/decisions/engine.md#a-lane-is-a-stream-with-workers-of-its-own
type Lane uint8

// The lanes. The normal one is the queue's stream itself.
const (
	NormalLane Lane = iota
	HighLane
	LowLane
)

// Lanes lists the lanes, the one whose jobs go first at the front.
func Lanes() []Lane { return []Lane{HighLane, NormalLane, LowLane} }

var laneNames = [...]string{NormalLane: "normal", HighLane: "high", LowLane: "low"}

// String returns the lane's name.
func (l Lane) String() string { return laneNames[l] }

// ParseLane reads a lane's name; "" is the normal one.
func ParseLane(name string) (Lane, error) {
	for lane, known := range laneNames {
		if name == known || name == "" {
			return Lane(lane), nil
		}
	}
	return NormalLane, fmt.Errorf("priority %q: must be high, normal or low", name)
}

// MarshalJSON writes the lane's name.
func (l Lane) MarshalJSON() ([]byte, error) { return json.Marshal(l.String()) }

// UnmarshalJSON reads what MarshalJSON wrote. Anything else, as other programs or a later version may write, is the
// normal lane.
func (l *Lane) UnmarshalJSON(text []byte) error {
	var name string
	_ = json.Unmarshal(text, &name)
	*l, _ = ParseLane(name)
	return nil
}

// laneMark stands before a lane's name at the end of its stream's name: scripts know the lane by it.
const laneMark = "lane:"

// In returns a queue in one of its lanes: the lane's stream and what belongs to its entries and to the workers that
// hold them. All else is the queue's.
func (q *QueueRef) In(lane Lane) QueueRef {
	in := *q
	in.Keys = keysOf(q.base)
	if in.Lane = lane; lane != NormalLane {
		in.Stream = in.laneStream(lane)
		in.StreamArg, in.own = in.Stream, in.Stream+":"
	}
	return in
}

// LaneStreams are the streams of the lanes beside the normal one.
func (k Keys) LaneStreams() []string { return []string{k.laneStream(HighLane), k.laneStream(LowLane)} }

// laneStream is the stream of a lane of the queue.
func (k Keys) laneStream(lane Lane) string {
	if lane == NormalLane {
		return k.base
	}
	return k.Prefix + laneMark + lane.String()
}

// IsLaneStream reports whether a stream is named as that of a lane is.
func IsLaneStream(stream string) bool {
	for _, lane := range []Lane{HighLane, LowLane} {
		if strings.HasSuffix(stream, ":"+laneMark+lane.String()) {
			return true
		}
	}
	return false
}

// EntryRef names an entry of a queue. It is compared and used as a map's key as a whole.
type EntryRef struct {
	ID   string // in the lane's stream
	Lane Lane
}

// String returns the reference as people see it, and as it stands where entries of several lanes may: the entry's ID
// in the normal lane, "<lane>/<ID>" in others.
func (e EntryRef) String() string {
	if e.Lane == NormalLane {
		return e.ID
	}
	return e.Lane.String() + "/" + e.ID
}

// ParseEntryRef reads what String wrote.
func ParseEntryRef(text string) EntryRef {
	if name, id, found := strings.Cut(text, "/"); found && name != "" {
		if lane, err := ParseLane(name); err == nil {
			return EntryRef{ID: id, Lane: lane}
		}
	}
	return EntryRef{ID: text}
}
