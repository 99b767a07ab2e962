package wire

import "time"

// progress is what a handler recorded of a run, as the job's record holds it.
type Progress struct {
	Percent float64   `json:"percent"`
	Note    string    `json:"note,omitempty"`
	At      time.Time `json:"at"`
}
