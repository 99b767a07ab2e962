package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/navvy-go/navvy/queue"
)

// choiceOfOrder is a button beside a worker.
type choiceOfOrder struct {
	Order queue.WorkerCommand
	Label string
}

// ordersFor are the orders that make sense to a worker in a state.
func ordersFor(state queue.WorkerState) []choiceOfOrder {
	stop := choiceOfOrder{queue.CommandStop, "Stop"}
	switch state {
	case queue.WorkerWorking:
		return []choiceOfOrder{{queue.CommandQuiet, "Quiet"}, stop}
	case queue.WorkerQuiet:
		return []choiceOfOrder{{queue.CommandWake, "Wake"}, stop}
	}
	return nil
}

// tellWorker gives an order to a process, at each of its queues: one may hear it before another does.
func (d *Dashboard) tellWorker(r *http.Request, user User) (notice, error) {
	order := queue.WorkerCommand(r.PostFormValue("order"))
	if order != queue.CommandQuiet && order != queue.CommandWake && order != queue.CommandStop {
		return notice{}, badQuery("order %q: quiet, wake or stop", order)
	}
	p, err := d.process(r.Context(), r.PostFormValue("worker"), r.PostFormValue("host"), r.PostFormValue("pid"))
	if err != nil {
		return notice{}, err
	}
	if order == queue.CommandStop {
		if err := confirmed(r, askToStop(p)); err != nil {
			return notice{}, err
		}
	}
	told := 0
	for _, w := range p.Queues {
		err := d.inspector.CommandWorker(queue.WithActor(r.Context(), user.Name), w.Queue, w.Name, order)
		if errors.Is(err, queue.ErrNotFound) { // gone since, or under a new name
			continue
		}
		if err != nil {
			return notice{}, err
		}
		told++
	}
	if told == 0 {
		return notice{}, queue.ErrNotFound
	}
	d.audit(r.Context(), user, "worker."+string(order), p.Name, fmt.Sprintf("%s:%d", p.Host, p.PID))
	return toldWorker(p, order), nil
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
	return process{}, queue.ErrNotFound
}

func askToStop(p process) ask {
	return ask{
		Title: "Stop " + p.Name, Button: "Stop",
		Says: fmt.Sprintf("Process %d on %s runs %s. They get its grace period; what is unfinished then goes to other workers. "+
			"What supervises the process may start it anew.", p.PID, p.Host, plural(int64(p.Running), "job", "jobs")),
	}
}

func toldWorker(p process, order queue.WorkerCommand) notice {
	back := func(order queue.WorkerCommand) *undo {
		return &undo{"/workers/tell", map[string]string{
			"worker": p.Name, "host": p.Host, "pid": strconv.Itoa(p.PID), "order": string(order),
		}}
	}
	switch order {
	case queue.CommandQuiet:
		return notice{Text: p.Name + " is told to be quiet: what runs goes on, nothing new is started.", Undo: back(queue.CommandWake)}
	case queue.CommandWake:
		return notice{Text: p.Name + " is told to wake.", Undo: back(queue.CommandQuiet)}
	}
	return notice{Text: p.Name + " is told to stop."}
}
