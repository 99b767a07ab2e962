package lockmgr

import (
	"context"
	"fmt"

	"github.com/navvy-go/navvy/lockmgr/internal/lease"
)

// Do runs fn while it holds the lock of that name, for which it waits as [Manager.Acquire] does. The context of fn is
// ctx, ended early with the cause [ErrLockLost] when the lock is about to be lost; [Token] finds the fencing token in
// it. Do returns the error of fn, joined with ErrLockLost if the lock did not last; the errors of Acquire; and
// [ErrInvalid] if fn is nil. The lock is released also when fn panics.
func (m *Manager) Do(ctx context.Context, name string, fn func(context.Context) error, opts ...Option) error {
	if fn == nil {
		return fmt.Errorf("lockmgr: do %s: %w: no function", lease.Quote(name), ErrInvalid)
	}
	lock, err := m.Acquire(ctx, name, opts...)
	if err != nil {
		return err
	}
	return lock.core.Run(ctx, fn)
}
