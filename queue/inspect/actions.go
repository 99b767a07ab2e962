package inspect

import "fmt"

func wrapAction(action, queue, id string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("queue: %s job %s of %s: %w", action, id, queue, err)
}
