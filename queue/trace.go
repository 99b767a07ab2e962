package queue

import (
	"fmt"
	"regexp"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// traceparent is the form of version 00, which every later one begins with (W3C Trace Context, section 3.2).
var traceparent = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// Trace gives the job the W3C trace context that it is enqueued in, a traceparent such as
// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01. Its handler finds it in [Run].Trace, on every attempt.
func Trace(parent string) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if !traceparent.MatchString(parent) {
			o.errs = append(o.errs, fmt.Errorf("trace %q: not a traceparent", parent))
		}
		o.trace = parent
	})
}

// RequestID gives the job the ID of the request that it is enqueued for, of at most 128 bytes without spaces. Its
// handler finds it in [Run].RequestID, on every attempt.
func RequestID(id string) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if err := wire.ValidateName(id); err != nil {
			o.errs = append(o.errs, fmt.Errorf("request ID %q: %w", id, err))
		}
		o.requestID = id
	})
}
