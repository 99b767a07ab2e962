package queue

import (
	"errors"
	"fmt"
)

// errBookkeeping says that something was not counted or noted: the work itself goes on.
var errBookkeeping = errors.New("not noted, and passed over")

// reportBookkeeping reports failures of bookkeeping, each once: they come back with every heartbeat.
//
// Why: docs/decisions/engine.md#bookkeeping-cannot-stop-work
func (s *subscription) reportBookkeeping(doing string, failures []string) {
	for _, failure := range failures {
		if _, known := s.passedOver.LoadOrStore(failure, struct{}{}); !known {
			s.reportError(doing, fmt.Errorf("%w: %s", errBookkeeping, failure))
		}
	}
}
