package queue

import (
	"fmt"
	"time"
)

// Snooze is returned by a handler to run again in d without burning an attempt: what the job waits for is not there
// yet.
func Snooze(d time.Duration) error { return &snoozeError{delay: max(d, 0)} }

type snoozeError struct{ delay time.Duration }

func (e *snoozeError) Error() string { return fmt.Sprintf("snoozed for %s", e.delay) }
