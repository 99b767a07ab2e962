package dashboard

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/navvy-go/navvy/queue/inspect"
)

// commandChoice is a button beside a worker.
type commandChoice struct {
	Command inspect.WorkerCommand
	Label   string
}

// commandsFor lists the commands that make sense to a worker in a state.
func commandsFor(state inspect.WorkerState) []commandChoice {
	stop := commandChoice{inspect.CommandStop, "Stop"}
	switch state {
	case inspect.WorkerWorking:
		return []commandChoice{{inspect.CommandQuiet, "Quiet"}, stop}
	case inspect.WorkerQuiet:
		return []commandChoice{{inspect.CommandWake, "Wake"}, stop}
	}
	return nil
}

// commandWorker sends a command to a process by each of its queues: one may be read before another.
func (d *Dashboard) commandWorker(f *Form) (Notice, error) {
	command := inspect.WorkerCommand(f.Value("command"))
	if command != inspect.CommandQuiet && command != inspect.CommandWake && command != inspect.CommandStop {
		return Notice{}, BadRequest("command %q: want quiet, wake or stop", command)
	}
	p, err := d.process(f.Context(), f.Value("worker"), f.Value("host"), f.Value("pid"))
	if err != nil {
		return Notice{}, err
	}
	if command == inspect.CommandStop {
		if err := f.confirmed(stopConfirmation(p)); err != nil {
			return Notice{}, err
		}
	}
	sent := false
	for _, w := range p.Queues {
		err := d.inspector.CommandWorker(inspect.WithActor(f.Context(), f.User.Name), w.Queue, w.Name, command)
		if errors.Is(err, inspect.ErrNotFound) { // gone since, or under a new name
			continue
		}
		if err != nil {
			return Notice{}, err
		}
		sent = true
	}
	if !sent {
		return Notice{}, inspect.ErrNotFound
	}
	f.Audit("worker."+string(command), p.Name, fmt.Sprintf("%s:%d", p.Host, p.PID))
	return commandNotice(p, command), nil
}

// process finds a worker's process.
func (d *Dashboard) process(ctx context.Context, name, host, pid string) (process, error) {
	processes, err := d.processes(ctx)
	if err != nil {
		return process{}, err
	}
	for _, p := range processes {
		if p.Name == name && p.Host == host && strconv.Itoa(p.PID) == pid {
			return p, nil
		}
	}
	return process{}, inspect.ErrNotFound
}

func stopConfirmation(p process) confirmation {
	return confirmation{
		Title: "Stop " + p.Name, Button: "Stop",
		Says: fmt.Sprintf("Process %d on %s runs %s. They get its grace period; what is unfinished then goes to other "+
			"workers. A supervisor may start the process again.", p.PID, p.Host, plural(int64(p.Running), "job", "jobs")),
	}
}

func commandNotice(p process, sent inspect.WorkerCommand) Notice {
	undo := func(command inspect.WorkerCommand) *Undo {
		return &Undo{"/workers/command", map[string]string{
			"worker": p.Name, "host": p.Host, "pid": strconv.Itoa(p.PID), "command": string(command),
		}}
	}
	switch sent {
	case inspect.CommandQuiet:
		return Notice{
			Text: p.Name + " goes quiet: running jobs continue, no new ones are started.", Undo: undo(inspect.CommandWake),
		}
	case inspect.CommandWake:
		return Notice{Text: p.Name + " starts jobs again.", Undo: undo(inspect.CommandQuiet)}
	}
	return Notice{Text: p.Name + " is being stopped."}
}
