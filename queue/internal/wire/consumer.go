package wire

import (
	"crypto/rand"
	"strings"
)

// The pseudo-consumers under which entries wait for a worker with a free slot.
const (
	ParkReleased = "~released" // the next delivery is not counted
	ParkOrphans  = "~orphans"  // it is
)

// IsParking reports whether a consumer is one of the pseudo-consumers: nobody holds what is pending under it.
func IsParking(consumer string) bool { return consumer == ParkReleased || consumer == ParkOrphans }

// incarnation stands in a consumer name between the worker's name and what is new in each session.
const incarnation = "#"

// incarnationLen is how long the part is that is new in each session.
const incarnationLen = 6

// NewConsumer returns a consumer name for a session of a worker: the worker's name and something new.
func NewConsumer(worker string) string {
	return worker + incarnation + strings.ToLower(rand.Text()[:incarnationLen])
}

// SplitConsumer returns the worker's name in a consumer name that [NewConsumer] made, and whether it is of that form.
// What a registered consumer is, its registration says: this is for consumers of queues of navvy's own whose
// registration was lost with Redis' data, and for registrations of versions that did not note the worker.
func SplitConsumer(consumer string) (worker string, ok bool) {
	at := strings.LastIndex(consumer, incarnation)
	if at <= 0 || len(consumer)-at-len(incarnation) != incarnationLen {
		return consumer, false
	}
	return consumer[:at], true
}

// ValidateWorker refuses names of workers that would make a consumer name ambiguous.
func ValidateWorker(name string) error {
	if err := ValidateName(name); err != nil {
		return err
	}
	if strings.HasPrefix(name, "~") || strings.Contains(name, incarnation) {
		return errWorkerName
	}
	return nil
}
