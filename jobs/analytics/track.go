package analytics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Track is the job analytics.track: somebody did something.
type Track struct {
	Event    string         // what was done, e.g. "page_view"; required
	UserID   string         // who did it; an event without one is counted, but adds no user
	At       time.Time      // when; zero for the moment the job is enqueued
	Metadata map[string]any // whatever else is known; not counted
	Counted  bool           // its producer has counted it, see [Counter.Track]: only its user is noted
}

// Kind returns "analytics.track".
func (Track) Kind() string { return "analytics.track" }

// Tracked is the job analytics.tracked: an event that its producer has counted, as the article's track_event does. Bind
// the raw stream of such producers to it.
type Tracked struct{ Track }

// Kind returns "analytics.tracked".
func (Tracked) Kind() string { return "analytics.tracked" }

// check refuses names that would make the keys of a day as large as a sender likes.
func (t Track) check() error {
	switch {
	case t.Event == "":
		return fmt.Errorf("%w: event is empty", ErrInvalid)
	case len(t.Event) > MaxName:
		return fmt.Errorf("%w: event of %d bytes, at most %d", ErrInvalid, len(t.Event), MaxName)
	case len(t.UserID) > MaxUser:
		return fmt.Errorf("%w: user_id of %d bytes, at most %d", ErrInvalid, len(t.UserID), MaxUser)
	}
	return nil
}

type wireTrack struct {
	Event     string          `json:"event"`
	UserID    string          `json:"user_id,omitempty"`
	Timestamp json.RawMessage `json:"timestamp,omitempty"`
	Metadata  json.RawMessage `json:"metadata,omitempty"`
	Counted   string          `json:"counted,omitempty"`
}

// MarshalJSON writes event, user_id, timestamp (Unix seconds, to the millisecond) and metadata, and counted, "1", only
// if it was.
func (t Track) MarshalJSON() ([]byte, error) {
	wire := wireTrack{Event: t.Event, UserID: t.UserID}
	if !t.At.IsZero() {
		wire.Timestamp = strconv.AppendFloat(nil, float64(t.At.UnixMilli())/1000, 'f', 3, 64)
	}
	if len(t.Metadata) > 0 {
		metadata, err := json.Marshal(t.Metadata)
		if err != nil {
			return nil, fmt.Errorf("metadata: %w", err)
		}
		wire.Metadata = metadata
	}
	if t.Counted {
		wire.Counted = "1"
	}
	return json.Marshal(wire)
}

// UnmarshalJSON reads what MarshalJSON writes, and what other programs write: the timestamp may also be RFC 3339, and
// both timestamp and metadata may be wrapped in a string, as they are in an entry of a raw stream.
func (t *Track) UnmarshalJSON(data []byte) error {
	metadata, err := t.decode(data)
	if err != nil || len(metadata) == 0 {
		return err
	}
	if err := json.Unmarshal(metadata, &t.Metadata); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	return nil
}

// decode reads everything but the metadata, which it returns.
func (t *Track) decode(data []byte) (metadata []byte, err error) {
	var wire wireTrack
	if err := json.Unmarshal(data, &wire); err != nil {
		return nil, err
	}
	at, err := parseTimestamp(string(unwrap(wire.Timestamp)))
	if err != nil {
		return nil, fmt.Errorf("timestamp: %w", err)
	}
	*t = Track{Event: wire.Event, UserID: wire.UserID, At: at, Counted: wire.Counted == "1"}
	return unwrap(wire.Metadata), nil
}

// countedTrack is a Track in the hands of the handler, which has no use for the metadata: to check them is enough.
type countedTrack struct{ Track }

// UnmarshalJSON reads what Track's does, and refuses what it refuses.
func (t *countedTrack) UnmarshalJSON(data []byte) error {
	metadata, err := t.decode(data)
	if err != nil || len(metadata) == 0 {
		return err
	}
	if object := bytes.Trim(metadata, " \t\r\n"); !json.Valid(object) || object[0] != '{' && string(object) != "null" {
		return errors.New("metadata: not a JSON object")
	}
	return nil
}

// countedTracked is a Tracked in the hands of the handler.
type countedTracked struct{ countedTrack }

// Kind returns "analytics.tracked".
func (countedTracked) Kind() string { return Tracked{}.Kind() }

// unwrap returns the content of a JSON string, and any other value as it is. null is nothing.
func unwrap(value json.RawMessage) []byte {
	var content string
	switch {
	case bytes.Equal(value, []byte("null")):
		return nil
	case len(value) >= 2 && value[0] == '"' && bytes.IndexByte(value, '\\') < 0: // as most are
		return value[1 : len(value)-1]
	case json.Unmarshal(value, &content) == nil:
		return []byte(content)
	}
	return value
}

// lastSecond is the end of the year 9999. A timestamp beyond it is in milliseconds, most likely.
const lastSecond = 253402300799

func parseTimestamp(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return time.Time{}, fmt.Errorf("%q is neither Unix seconds nor RFC 3339", s)
		}
		return at, nil
	}
	if math.IsNaN(seconds) || seconds < 0 || seconds > lastSecond {
		return time.Time{}, fmt.Errorf("%s is not in Unix seconds between the years 1970 and 9999", s)
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC(), nil
}
