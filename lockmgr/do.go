package lockmgr

import (
	"context"
	"errors"
	"fmt"
)

// Do runs fn while it holds the lock of that name, for which it waits as [Manager.Acquire] does. The context of fn is
// ctx, ended early with the cause [ErrLockLost] when the lock is about to be lost; [Token] finds the fencing token in
// it. Do returns the error of fn, joined with ErrLockLost if the lock did not last.
func (m *Manager) Do(ctx context.Context, name string, fn func(context.Context) error, opts ...Option) error {
	if fn == nil {
		return fmt.Errorf("lockmgr: do %s: %w: no function", quote(name), ErrInvalid)
	}
	lock, err := m.Acquire(ctx, name, opts...)
	if err != nil {
		return err
	}
	return lock.run(ctx, fn)
}

func (l *Lock) run(ctx context.Context, fn func(context.Context) error) (err error) {
	defer func() { err = errors.Join(err, l.Release(ctx)) }()
	work, end := l.lease.within(withToken(ctx, l.token))
	defer end()
	return fn(work)
}

// within is ctx until the lease ends.
func (l *lease) within(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.ctx, func() { cancel(context.Cause(l.ctx)) })
	return ctx, func() { stop(); cancel(nil) }
}
