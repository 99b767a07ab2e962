package queue

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrGoexit is the value of a [PanicError] of code that did not panic but ended its goroutine with runtime.Goexit, as
// FailNow of a test does.
var ErrGoexit = errors.New("runtime.Goexit was called")

// PanicError is what an attempt failed with when its handler panicked, or ended its goroutine: then Value is
// [ErrGoexit].
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // the goroutine's stack at the panic
}

// Error returns the panic's value and stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack) }

// Unwrap returns the panic's value if it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// newPanicError is for a deferred function of code that did not return: value is what recover returned there.
func newPanicError(value any) *PanicError {
	if value == nil {
		value = ErrGoexit
	}
	return &PanicError{Value: value, Stack: debug.Stack()}
}

// isolate calls a function of the application on a goroutine of its own, and waits for it. It returns what kept the
// function from returning, a panic or runtime.Goexit; neither reaches the caller.
//
// Why: docs/decisions/engine.md#code-of-the-application-runs-where-it-can-end-nothing-else
func isolate(f func()) *PanicError {
	ended := make(chan *PanicError, 1)
	go func() {
		returned := false
		defer func() {
			if returned {
				ended <- nil
				return
			}
			ended <- newPanicError(recover())
		}()
		f()
		returned = true
	}()
	return <-ended
}
