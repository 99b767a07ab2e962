package queue

import (
	"encoding/json"
	"fmt"
)

// SetResult records v, as JSON, as the job's result. It is kept only if the job has [Retain], and only if the
// handler then returns nil. Not safe for concurrent use.
func (r *Run) SetResult(v any) error {
	result, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("queue: result of job %s: %w", r.ID, err)
	}
	r.result = result
	return nil
}
