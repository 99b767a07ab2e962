package queuetest_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Charge is a job: its fields travel as JSON, its kind names the handler.
type Charge struct {
	Order string `json:"order"`
	Cents int    `json:"cents"`
}

func (Charge) Kind() string { return "payment.charge" }

// Receipt is another.
type Receipt struct{ Order string }

func (Receipt) Kind() string { return "mail.receipt" }

// failing is a test that may fail.
type failing struct {
	testing.TB
	ctx     context.Context
	failure string
}

func (f *failing) Helper()                  {}
func (f *failing) Context() context.Context { return f.ctx }
func (f *failing) Fatal(args ...any)        { f.fail(fmt.Sprint(args...)) }

func (f *failing) Fatalf(format string, args ...any) { f.fail(fmt.Sprintf(format, args...)) }

func (f *failing) fail(text string) {
	f.failure = text
	runtime.Goexit()
}

// failure runs a test that should fail, and returns what it failed with; "" if it did not.
func failure(t *testing.T, ctx context.Context, test func(tb testing.TB)) string {
	t.Helper()
	f, done := &failing{TB: t, ctx: ctx}, make(chan struct{})
	go func() {
		defer close(done)
		test(f)
	}()
	<-done
	return f.failure
}
