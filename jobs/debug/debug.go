// Package debug has jobs that do nothing of use, to try a fleet out: they sleep, fail, panic, end their worker or
// repeat what they were given. A production worker does not register them.
package debug

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// Register gives the mux the handlers of every debug kind.
func Register(mux *queue.Mux) {
	queue.Handle(mux, sleep)
	queue.Handle(mux, fail)
	mux.HandleKind("debug.panic", goPanic)
	mux.HandleKind("debug.exit", exit)
	mux.HandleKind("debug.echo", echo, queue.Retain(time.Hour))
}

// Sleep is the job debug.sleep: it takes its time, unless its context ends first.
type Sleep struct {
	MS int64 `json:"ms"` // milliseconds, 0 or more
}

// Kind returns "debug.sleep".
func (Sleep) Kind() string { return "debug.sleep" }

func sleep(ctx context.Context, job *queue.Job[Sleep]) error {
	if job.Args.MS < 0 || job.Args.MS > math.MaxInt64/int64(time.Millisecond) {
		return queue.Cancel(fmt.Errorf("debug: cannot sleep for %d ms", job.Args.MS))
	}
	timer := time.NewTimer(time.Duration(job.Args.MS) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Fail is the job debug.fail: its first attempts fail, the next one succeeds.
type Fail struct {
	Times int `json:"times"` // how many attempts fail
}

// Kind returns "debug.fail".
func (Fail) Kind() string { return "debug.fail" }

func fail(_ context.Context, job *queue.Job[Fail]) error {
	if job.Attempt <= job.Args.Times {
		return fmt.Errorf("debug: attempt %d of %d that fail", job.Attempt, job.Args.Times)
	}
	return nil
}

func goPanic(context.Context, *queue.Run) error { panic(errors.New("debug: panic as asked")) }

// exit ends the worker as a crash would: nothing is released, nothing is said.
func exit(context.Context, *queue.Run) error {
	os.Exit(1)
	return nil
}

func echo(_ context.Context, run *queue.Run) error {
	if err := run.SetResult(json.RawMessage(run.Data)); err != nil {
		return queue.Cancel(err) // not JSON: it will not be at the next attempt
	}
	return nil
}
