package gateway

import (
	"time"

	"github.com/navvy-go/navvy/queue"
)

// UniqueOption is the option that asks for a unique key of that scope.
func UniqueOption(s queue.UniqueScope) queue.EnqueueOption {
	var choices []queue.UniqueOption
	if s.Replace {
		choices = append(choices, queue.ReplaceData())
	}
	if s.Debounce != 0 {
		choices = append(choices, queue.Debounce(s.Debounce))
	}
	if s.Reject {
		choices = append(choices, queue.RejectDuplicate())
	}
	switch s.Until {
	case "ended":
		return queue.UniqueUntilEnded(s.Key, choices...)
	case "started":
		return queue.UniqueUntilStarted(s.Key, choices...)
	}
	return queue.Unique(s.Key, s.For, choices...)
}

// uniqueRequest is how long the unique key of a job is held, and what becomes of the job that holds it.
type uniqueRequest struct {
	UniqueFor      *duration `json:"unique_for"`
	UniqueUntil    string    `json:"unique_until"`
	UniqueReplace  bool      `json:"unique_replace"`
	UniqueDebounce *duration `json:"unique_debounce"`
	UniqueReject   bool      `json:"unique_reject"`
}

// check reports what makes no sense about it.
func (u *uniqueRequest) check(key string) error {
	switch {
	case key == "" && *u != (uniqueRequest{}):
		return invalid.because("unique_for, unique_until and the like go together with unique")
	case key != "" && (u.UniqueFor == nil) == (u.UniqueUntil == ""):
		return invalid.because("unique goes together with unique_for or unique_until; give one of them")
	case u.UniqueUntil != "" && u.UniqueUntil != "ended" && u.UniqueUntil != "started":
		return invalid.because("unique_until %.128q: want ended or started", u.UniqueUntil)
	case u.UniqueDebounce != nil && time.Duration(*u.UniqueDebounce) < time.Millisecond:
		return invalid.because("unique_debounce must be at least 1ms")
	}
	return nil
}

// scope is what is asked for, of a key that is not empty.
func (u *uniqueRequest) scope(key string) queue.UniqueScope {
	s := queue.UniqueScope{Key: key, Until: u.UniqueUntil, Replace: u.UniqueReplace, Reject: u.UniqueReject}
	if u.UniqueFor != nil {
		s.For = time.Duration(*u.UniqueFor)
	}
	if u.UniqueDebounce != nil {
		s.Debounce = time.Duration(*u.UniqueDebounce)
	}
	return s
}
