package inspect

import (
	"context"
	"fmt"
)

// Exists reports whether a program has used the queue, in one O(1) command.
func (i *Inspector) Exists(ctx context.Context, queue string) (bool, error) {
	_, known, err := i.registry.Lookup(ctx, queue)
	if err != nil {
		return false, fmt.Errorf("queue: look for %s: %w", queue, err)
	}
	return known, nil
}
