// Package locktest has what the tests of several packages of locks share: waits that end with a message.
package locktest

import (
	"context"
	"testing"
	"time"
)

// limit is how long a test waits for one thing to happen, and testLimit for all that it calls. Both are far more than a
// busy machine needs.
const (
	limit     = 10 * time.Second
	testLimit = time.Minute
)

// Must ends the test if there is an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Bounded returns the test's context, ended after a minute: a call that hangs fails with its own error.
func Bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), testLimit)
	t.Cleanup(cancel)
	return ctx
}

// Eventually waits until the condition holds, for 10 s at the most.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(2*time.Millisecond), time.Now().Add(limit)
	defer tick.Stop()
	for !holds() {
		if <-tick.C; time.Now().After(deadline) {
			t.Fatalf("waited %s: %s", limit, what)
		}
	}
}

// Receive waits for a value of a channel, or for its end, for 10 s at the most.
func Receive[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case value := <-from:
		return value
	case <-timer.C:
		t.Fatalf("waited %s: %s", limit, what)
	}
	panic("unreachable")
}
