package wire

import (
	"encoding/json"
	"fmt"
	"time"
)

// Attribution is the person that did something to a queue or to a job, and when.
type Attribution struct {
	By string // "" if not known
	At time.Time
}

// storedAttribution is an attribution as it is in Redis: scripts read its time.
type storedAttribution struct {
	By string `json:"by,omitempty"`
	At int64  `json:"at_ms"`
}

// Encode returns what DecodeAttribution reads.
func (a Attribution) Encode() string {
	text, _ := json.Marshal(storedAttribution{By: a.By, At: a.At.UnixMilli()}) // a string and a number: cannot fail
	return string(text)
}

// DecodeAttribution reads an attribution. A text that cannot be read has no name in it: the act stands.
func DecodeAttribution(text string) Attribution {
	var stored storedAttribution
	_ = json.Unmarshal([]byte(text), &stored)
	return Attribution{By: stored.By, At: time.UnixMilli(stored.At).UTC()}
}

// CancelledError says which person cancelled a job, and what its handler returned then, if it did.
func (a Attribution) CancelledError(returned error) error {
	who := a.By
	if who == "" {
		who = "a person"
	}
	if returned == nil {
		return fmt.Errorf("cancelled by %s", who)
	}
	return fmt.Errorf("cancelled by %s: %w", who, returned)
}
