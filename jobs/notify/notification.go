package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
)

// ErrInvalid says that a notification or a channel cannot be used; the message says why.
var ErrInvalid = errors.New("invalid notification")

const (
	maxChannelBytes = 1000
	maxTextBytes    = 64 << 10 // of a notification's texts together
)

// Notification is a message for a user.
type Notification struct {
	ID    string // of its entry in the channel's log; "" if it has none
	Type  string
	Title string
	Body  string
	At    time.Time // when it happened
}

// wire is a notification in JSON, with the article's fields in its order.
type wire struct {
	ID        string      `json:"id,omitempty"`
	Type      string      `json:"type"`
	Title     string      `json:"title"`
	Body      string      `json:"body"`
	Timestamp json.Number `json:"timestamp"` // Unix seconds, with a fraction
}

// MarshalJSON writes {id, type, title, body, timestamp}, the last in Unix seconds as Python's time.time() has them.
func (n Notification) MarshalJSON() ([]byte, error) {
	seconds := strconv.FormatFloat(float64(n.At.UnixMicro())/1e6, 'f', 6, 64)
	return json.Marshal(wire{n.ID, n.Type, n.Title, n.Body, json.Number(seconds)})
}

// UnmarshalJSON reads what MarshalJSON or the article's class wrote.
func (n *Notification) UnmarshalJSON(data []byte) error {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*n = Notification{ID: w.ID, Type: w.Type, Title: w.Title, Body: w.Body}
	if w.Timestamp != "" {
		seconds, err := w.Timestamp.Float64()
		if err != nil || math.Abs(seconds) > 1e12 {
			return fmt.Errorf("timestamp %s: not in Unix seconds", w.Timestamp)
		}
		n.At = time.UnixMicro(int64(math.Round(seconds * 1e6)))
	}
	return nil
}

func (n Notification) validate() error {
	switch {
	case n.Type == "":
		return fmt.Errorf("%w: it has no type", ErrInvalid)
	case len(n.Type)+len(n.Title)+len(n.Body) > maxTextBytes:
		return fmt.Errorf("%w: type, title and body have more than %d bytes", ErrInvalid, maxTextBytes)
	}
	return nil
}

// UserChannel is the channel of a user's notifications.
func UserChannel(userID string) string { return "user:" + userID + ":notifications" }

// The keys beside a channel share a slot. They begin with a brace, so they are no other program's.
func logKey(channel string) string      { return redisx.Companion(channel, "log") }
func sentKey(channel, id string) string { return redisx.Companion(channel, "sent:"+id) }

// checkChannel refuses names that have no key in braces of their own.
func checkChannel(channel string) error {
	if channel == "" || len(channel) > maxChannelBytes || strings.ContainsAny(channel, "{}") {
		return fmt.Errorf("%w: channel %q: want 1 to %d bytes without braces", ErrInvalid, channel, maxChannelBytes)
	}
	return nil
}
