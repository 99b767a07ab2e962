package dashboard

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

const (
	workersJobs   = 100 // jobs in flight that are read of each queue, the oldest first
	workersListed = 5   // of them, shown of each worker
	workersMost   = 500 // processes on the page
)

// workerList is every process that works on a queue.
type workerList struct {
	Processes []process `json:"processes"`
	Total     int       `json:"total"`
	Slots     int       `json:"slots"`
	Running   int       `json:"running"`
}

// process is a worker's process, with all its queues.
type process struct {
	Name      string               `json:"name"`
	Host      string               `json:"host"`
	PID       int                  `json:"pid"`
	Version   string               `json:"version,omitempty"`
	Started   time.Time            `json:"started_at"`
	Heartbeat inspect.Heartbeat    `json:"heartbeat"` // the worst on its queues
	State     inspect.WorkerState  `json:"state,omitempty"`
	Lease     time.Duration        `json:"lease_left_ns"`
	Slots     int                  `json:"slots"`
	Held      int64                `json:"held"`    // jobs it has read and not finished
	Running   int                  `json:"running"` // of them, in slots, at its last beat
	Stuck     int                  `json:"stuck"`   // of those, with handlers that ignore that they were cancelled
	Queues    []inspect.WorkerInfo `json:"queues"`
	Jobs      []inspect.JobInfo    `json:"jobs"` // those that run longest, without their data
}

var workersPage = page{section: "workers", title: "Workers", template: "workers", load: loadWorkers}

func loadWorkers(ctx context.Context, d *Dashboard, _ *Request) (any, error) {
	processes, err := d.processes(ctx)
	if err != nil {
		return nil, err
	}
	w := workerList{Total: len(processes)}
	for _, p := range processes {
		w.Slots += p.Slots
		w.Running += p.Running
	}
	w.Processes = processes[:min(len(processes), workersMost)]
	return w, nil
}

// processes lists all of them, by host.
func (d *Dashboard) processes(ctx context.Context) ([]process, error) {
	seen := d.fleet(ctx)
	if seen.err != nil {
		return nil, seen.err
	}
	byName := map[processKey]*process{}
	for _, info := range seen.data.(fleet).Queues {
		if info.Workers == 0 {
			continue
		}
		if err := d.addWorkers(ctx, byName, info); err != nil {
			return nil, err
		}
	}
	processes := make([]process, 0, len(byName))
	for _, p := range byName {
		p.finish()
		processes = append(processes, *p)
	}
	slices.SortFunc(processes, func(a, b process) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Name, b.Name), cmp.Compare(a.PID, b.PID))
	})
	return processes, nil
}

// addWorkers adds a queue's workers, and the jobs they have had longest.
func (d *Dashboard) addWorkers(ctx context.Context, byName map[processKey]*process, info inspect.QueueInfo) error {
	workers, err := d.inspector.Workers(ctx, info.Name)
	if err != nil {
		return err
	}
	byConsumer := map[string]*process{}
	for _, w := range workers {
		key := keyOf(w)
		if byName[key] == nil {
			byName[key] = &process{Name: key.name, Host: w.Host, PID: w.PID, Version: w.Version, Slots: w.Slots,
				Started: w.Started}
		}
		byName[key].Queues = append(byName[key].Queues, w)
		byConsumer[w.Name] = byName[key]
	}
	if info.InFlight == 0 {
		return nil
	}
	found, err := d.inspector.Search(ctx, info.Name, inspect.Query{State: inspect.StateInFlight},
		inspect.Page{Limit: workersJobs})
	if err != nil {
		return err
	}
	for _, job := range found.Jobs {
		if p := byConsumer[job.Worker]; p != nil {
			job.Data = nil
			p.Jobs = append(p.Jobs, job)
		}
	}
	return nil
}

// processKey identifies a process, which has a consumer on each of its queues.
type processKey struct {
	name, host string
	pid        int
}

func keyOf(w inspect.WorkerInfo) processKey {
	return processKey{w.Process, w.Host, w.PID}
}

// finish sums up a process's queues.
func (p *process) finish() {
	worst := []inspect.Heartbeat{inspect.HeartbeatAlive, inspect.HeartbeatLate, inspect.HeartbeatGone}
	p.Lease, p.Heartbeat = time.Duration(p.Queues[0].LeaseMS)*time.Millisecond, inspect.HeartbeatAlive
	for _, q := range p.Queues {
		p.Held += q.InFlight
		p.Running += q.Running
		p.Stuck += q.Stuck
		if q.State == inspect.WorkerStopping || p.State == inspect.WorkerWorking {
			p.State = q.State
		}
		p.Lease = min(p.Lease, time.Duration(q.LeaseMS)*time.Millisecond)
		if q.Started.Before(p.Started) {
			p.Started = q.Started
		}
		if slices.Index(worst, q.Heartbeat) > slices.Index(worst, p.Heartbeat) {
			p.Heartbeat = q.Heartbeat
		}
	}
	slices.SortFunc(p.Jobs, func(a, b inspect.JobInfo) int { return cmp.Compare(b.IdleMS, a.IdleMS) })
	p.Jobs = p.Jobs[:min(len(p.Jobs), workersListed)]
}

// release is a program's version without the path of its module.
func release(version string) string { return version[strings.LastIndexByte(version, '@')+1:] }
