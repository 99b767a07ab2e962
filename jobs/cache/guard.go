package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
)

// errExited says that a loader called runtime.Goexit, as a test's FailNow does.
var errExited = errors.New("the loader ended its goroutine")

func lateError(ctx context.Context) error {
	return fmt.Errorf("the loader has not returned: %w", context.Cause(ctx))
}

// guarded runs a loader on a goroutine of its own. What it does there, to panic, to end its goroutine or never to
// return, is an error for those who wait, and ends neither the process nor their patience. A loader that is late is
// given up: what it returns is dropped.
func (f *flights) guarded(load loadFunc) loadFunc {
	type outcome struct {
		raw []byte
		err error
	}
	return func(ctx context.Context) ([]byte, error) {
		ended := make(chan outcome, 1)
		f.loaders.Go(func() {
			o := outcome{err: errExited}
			defer func() {
				if p := recover(); p != nil {
					o.err = fmt.Errorf("the loader panicked: %v\n%s", p, debug.Stack())
				}
				ended <- o
			}()
			o.raw, o.err = load(ctx)
		})
		select {
		case o := <-ended:
			return o.raw, o.err
		case <-ctx.Done():
		}
		select {
		case o := <-ended: // both at once
			return o.raw, o.err
		default:
			return nil, lateError(ctx)
		}
	}
}

// guardReport calls report where it can end nothing: what it is called with is lost if it panics or ends its goroutine.
func guardReport(report func(error)) func(error) {
	if report == nil {
		return func(error) {}
	}
	return func(err error) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			defer func() { _ = recover() }()
			report(err)
		}()
		<-ended
	}
}

// guardFunc is the application's function, and the usual one where it is missing or panics.
func guardFunc[T any](own, usual func() T) func() T {
	if own == nil {
		return usual
	}
	return func() (value T) {
		defer func() {
			if recover() != nil {
				value = usual()
			}
		}()
		return own()
	}
}

// unmarshal is json.Unmarshal of what any program may have written, where the value's own method may panic.
func unmarshal(raw []byte, value any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoding panicked: %v", p)
		}
	}()
	return json.Unmarshal(raw, value)
}
