package main

import "context"

// measureMemory weighs what a waiting job takes in the store, everything the contestant keeps for it included.
func measureMemory(ctx context.Context, t *trial) (found figures, err error) {
	err = t.with(ctx, func(sys system) error {
		if err := sys.fill(ctx, 1); err != nil { // the connection and the keys themselves
			return err
		}
		before, err := t.store.memory(ctx)
		if err != nil {
			return err
		}
		if err := sys.fill(ctx, t.jobs); err != nil {
			return err
		}
		after, err := t.store.memory(ctx)
		found = figures{"memory": (after - before) / float64(t.jobs)}
		return err
	})
	return found, err
}
