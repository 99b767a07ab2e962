package inspect

import (
	"context"
	"fmt"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// WorkerCommand is what a person commands one worker to do.
type WorkerCommand string

// The commands to a worker. They concern all its queues.
const (
	CommandQuiet WorkerCommand = wire.CommandQuiet // see [Inspector.QuietWorker]
	CommandWake  WorkerCommand = wire.CommandWake  // see [Inspector.WakeWorker]
	CommandStop  WorkerCommand = wire.CommandStop  // see [Inspector.StopWorker]
)

// WorkerState is what a worker does with new jobs.
type WorkerState string

// The states of a worker.
const (
	WorkerWorking  WorkerState = wire.WorkerWorking  // it starts them
	WorkerQuiet    WorkerState = wire.WorkerQuiet    // it leaves them to others, and lets those finish that run
	WorkerStopping WorkerState = wire.WorkerStopping // likewise, and then it ends
)

// QuietWorker makes a worker start no more jobs: what runs goes on, what was read ahead is handed back. The worker is
// named as [Inspector.Workers] lists it for the queue. It applies the command with its next heartbeat, half a second
// with the default lease, for all its queues. A command lasts as long as the process: a program that is started anew
// works. [ErrNotFound] if the queue has no such worker.
func (i *Inspector) QuietWorker(ctx context.Context, queue, worker string) error {
	return i.CommandWorker(ctx, queue, worker, CommandQuiet)
}

// WakeWorker makes a quiet worker start jobs again. Otherwise as [Inspector.QuietWorker].
func (i *Inspector) WakeWorker(ctx context.Context, queue, worker string) error {
	return i.CommandWorker(ctx, queue, worker, CommandWake)
}

// StopWorker makes a worker stop in good order and end, with the grace period of its configuration. Otherwise as
// [Inspector.QuietWorker].
func (i *Inspector) StopWorker(ctx context.Context, queue, worker string) error {
	return i.CommandWorker(ctx, queue, worker, CommandStop)
}

// CommandWorker is [Inspector.QuietWorker], [Inspector.WakeWorker] or [Inspector.StopWorker], for callers that have the
// command as data.
func (i *Inspector) CommandWorker(ctx context.Context, queue, worker string, command WorkerCommand) error {
	if command != CommandQuiet && command != CommandWake && command != CommandStop {
		return fmt.Errorf("queue: command %q for worker %s: want quiet, wake or stop", command, worker)
	}
	if err := i.commandWorker(ctx, queue, worker, command); err != nil {
		return fmt.Errorf("queue: %s worker %s of %s: %w", command, worker, queue, err)
	}
	return nil
}

func (i *Inspector) commandWorker(ctx context.Context, queue, worker string, command WorkerCommand) error {
	q, err := i.find(ctx, queue)
	if err != nil {
		return err
	}
	received, err := wire.Command(ctx, i.rdb, q, worker, string(command), actor(ctx))
	if err != nil {
		return err
	}
	if !received {
		return ErrNotFound
	}
	return nil
}
