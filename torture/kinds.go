package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

// payload is the data of every job.
type payload struct {
	Job   string `json:"job"`             // its name in the ledgers, whatever the queue calls it
	Role  string `json:"role,omitempty"`  // its kind in the ledgers, if that is not what the queue calls it
	Sleep int64  `json:"sleep,omitempty"` // ms
	Pad   string `json:"pad,omitempty"`
}

// kind is a kind of job: what it does, how it is enqueued, and how it must end.
type kind struct {
	name  string
	batch bool   // it is enqueued as kindBatched, whatever its name, and runs in a batch with others of that kind
	share int    // of the load
	dead  string // the reason why it must be dead in the end; "" it must be done
	work  func(ctx context.Context, run *queue.Run, p payload) outcome
	fill  func(rng *rand.Rand, lease time.Duration, p *payload)   // nil: nothing but its name
	opts  func(rng *rand.Rand, name string) []queue.EnqueueOption // nil: none
	// an unknown outcome may be repeated: the job has an ID or a key
	again bool
}

// outcome is what a handler says and returns.
type outcome struct {
	said  string
	err   error
	until time.Time // of a snooze
	leave func()    // ends the handler instead of a return: by a panic, say; nil: it returns
}

const (
	kindPoison   = "poison"
	kindDoomed   = "doomed" // the operator cancels all that it sees of it
	kindUnique   = "unique" // the operator leaves it alone: a key that is set free lets a repeated call in
	kindDeaf     = "deaf"
	kindStranger = "stranger" // no worker has a handler for it
	kindBatched  = "batched"  // the queue's name for all that run in batches
	poisonBatch  = "batched poison"
	poisonEvery  = 15 * time.Second
	poisonCode   = 66 // exit status of a process that a poison job ended

	largePad    = 200 << 10
	hugePad     = 900 << 10 // of one large job in ten
	maxAttempts = 3
	snoozeFor   = 300 * time.Millisecond
	snoozeUntil = 700 * time.Millisecond // since it was enqueued
	maxDelay    = 3 * time.Second
	uniqueFor   = time.Minute
)

var kinds = []kind{
	{name: "quick", share: 41, work: succeed},
	{name: "sleepy", share: 6, work: sleep, fill: anyTime},
	{name: "flaky", share: 5, work: failTwice},
	{name: "rude", share: 2, work: leaveTwice},
	{name: "hopeless", share: 2, work: fail, dead: inspect.ReasonAttempts},
	{name: "cancelled", share: 1, work: cancel, dead: inspect.ReasonCancelled},
	{name: "delayed", share: 8, work: succeed, opts: delayed},
	{name: "ancient", share: 1, work: succeed, opts: ancient},
	{name: kindUnique, share: 6, work: succeed, opts: unique, again: true},
	{name: "named", share: 6, work: succeed, opts: named, again: true},
	{name: "snoozing", share: 6, work: snooze},
	{name: "large", share: 1, work: succeed, fill: pad},
	{name: kindDeaf, share: 1, work: ignore, fill: withinGrace},
	{name: kindDoomed, share: 3, work: sleep, fill: anyTime},
	{name: kindBatched, batch: true, share: 8, work: succeed},
	{name: "batched sleepy", batch: true, share: 1, work: sleep, fill: anyTime},
	{name: "batched flaky", batch: true, share: 2, work: failTwice},
	{name: "batched hopeless", batch: true, share: 1, work: fail, dead: inspect.ReasonAttempts},
	{name: "batched snoozing", batch: true, share: 1, work: snooze},
	{name: kindStranger, share: 1, dead: inspect.ReasonUnknownKind},
	{name: kindPoison, work: exit, dead: inspect.ReasonCrashed},
	{name: poisonBatch, batch: true, work: exit, dead: inspect.ReasonCrashed},
}

func kindOf(name string) *kind {
	for i := range kinds {
		if kinds[i].name == name {
			return &kinds[i]
		}
	}
	return nil
}

// pickKind chooses a kind by the shares of the load.
func pickKind(rng *rand.Rand) *kind {
	sum := 0
	for _, k := range kinds {
		sum += k.share
	}
	n := rng.IntN(sum)
	for i := range kinds {
		if n -= kinds[i].share; n < 0 {
			return &kinds[i]
		}
	}
	return &kinds[0]
}

func succeed(context.Context, *queue.Run, payload) outcome { return outcome{said: saidDone} }

func sleep(ctx context.Context, _ *queue.Run, p payload) outcome {
	if pause.For(ctx, time.Duration(p.Sleep)*time.Millisecond) {
		return outcome{said: saidDone}
	}
	return outcome{said: saidFailed, err: context.Cause(ctx)}
}

// ignore does not end with its context; in the end it says what that said.
func ignore(ctx context.Context, _ *queue.Run, p payload) outcome {
	pause.For(context.WithoutCancel(ctx), time.Duration(p.Sleep)*time.Millisecond)
	if ctx.Err() != nil {
		return outcome{said: saidFailed, err: context.Cause(ctx)}
	}
	return outcome{said: saidDone}
}

func fail(context.Context, *queue.Run, payload) outcome {
	return outcome{said: saidFailed, err: errors.New("it always fails")}
}

func failTwice(_ context.Context, run *queue.Run, _ payload) outcome {
	if run.Attempt < maxAttempts {
		return outcome{said: saidFailed, err: errors.New("it fails twice")}
	}
	return outcome{said: saidDone}
}

// leaveTwice panics, then ends its goroutine, and then is done.
func leaveTwice(_ context.Context, run *queue.Run, _ payload) outcome {
	switch run.Attempt {
	case 1:
		return outcome{said: saidFailed, leave: func() { panic("it panics") }}
	case 2:
		return outcome{said: saidFailed, leave: runtime.Goexit}
	}
	return outcome{said: saidDone}
}

func cancel(context.Context, *queue.Run, payload) outcome {
	return outcome{said: saidFailed, err: queue.Cancel(errors.New("it gives up"))}
}

func snooze(_ context.Context, run *queue.Run, _ payload) outcome {
	if time.Since(run.EnqueuedAt) < snoozeUntil {
		return outcome{said: saidSnoozed, err: queue.Snooze(snoozeFor), until: time.Now().Add(snoozeFor)}
	}
	return outcome{said: saidDone}
}

func exit(context.Context, *queue.Run, payload) outcome {
	return outcome{said: saidExit, leave: func() { os.Exit(poisonCode) }}
}

// anyTime is from 50 ms to three leases.
func anyTime(rng *rand.Rand, lease time.Duration, p *payload) {
	p.Sleep = 50 + rng.Int64N(3*lease.Milliseconds())
}

// withinGrace is from 50 ms to a little more than a worker that stops waits for its handlers.
func withinGrace(rng *rand.Rand, _ time.Duration, p *payload) {
	p.Sleep = 50 + rng.Int64N((graceOfWorker + wayOut/4).Milliseconds())
}

func pad(rng *rand.Rand, _ time.Duration, p *payload) {
	size := largePad
	if rng.IntN(10) == 0 {
		size = hugePad
	}
	p.Pad = strings.Repeat("x", size)
}

func delayed(rng *rand.Rand, _ string) []queue.EnqueueOption {
	return []queue.EnqueueOption{queue.In(time.Duration(rng.Int64N(int64(maxDelay))))}
}

// ancient jobs were due before there was a Redis, by their producer's word, or before there were computers.
func ancient(rng *rand.Rand, _ string) []queue.EnqueueOption {
	return []queue.EnqueueOption{queue.At(time.Date(1+rng.IntN(2020), 1, 1, 0, 0, 0, 0, time.UTC))}
}

// named jobs share an ID now and then: the second must not run, whether the first waits, runs or has ended.
func named(rng *rand.Rand, name string) []queue.EnqueueOption {
	return []queue.EnqueueOption{queue.ID("named-" + shared(rng, name))}
}

// unique keys are shared now and then: the second must not run.
func unique(rng *rand.Rand, name string) []queue.EnqueueOption {
	return []queue.EnqueueOption{queue.Unique("key-"+shared(rng, name), uniqueFor)}
}

// shared is a name, or what it has in common with nine others.
func shared(rng *rand.Rand, name string) string {
	if rng.IntN(4) == 0 {
		return name[:len(name)-1]
	}
	return name
}

func parse(run *queue.Run) (payload, error) {
	var p payload
	err := json.Unmarshal(run.Data, &p)
	return p, err
}
