package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue/inspect"
)

var titles = [panes]string{"Queues", "Workers", "Pending", "Dead"}

// rows are the lines of the pane, under its columns.
func (m *screen) rows() ([]column, []row) {
	switch m.pane {
	case paneWorkers:
		return m.workerRows()
	case panePending:
		return m.pendingRows()
	case paneDead:
		return m.deadRows()
	default:
		return m.queueRows()
	}
}

func (m *screen) queueRows() ([]column, []row) {
	columns := []column{
		{title: "QUEUE"},
		{title: "WAITING", right: true}, {title: "IN FLIGHT", right: true}, {title: "DELAYED", right: true, worth: 4},
		{title: "RETRYING", right: true, worth: 5}, {title: "DEAD", right: true}, {title: "WORKERS", right: true, worth: 6},
		{title: "OLDEST", right: true, worth: 3}, {title: "DONE/S", right: true, worth: 7},
		{title: "", worth: 6}, {title: "STATE", worth: 8},
	}
	var rows []row
	for _, q := range m.last.queues {
		if !strings.Contains(q.Name, m.filters[paneQueues]) {
			continue
		}
		r := m.rates[q.Name]
		state, tone := queueState(q)
		rows = append(rows, row{key: q.Name, queue: q.Name, tone: tone, cells: []string{
			q.Name, number(q.Waiting), number(q.InFlight), number(q.Delayed), number(q.Retrying), number(q.Dead),
			number(q.Workers), command.Duration(q.OldestWaiting), perSecond(r.now()), r.sparkline(m.sparkWidth()), state,
		}})
	}
	return columns, rows
}

// sparkWidth gives the sparklines what a wide terminal has to spare.
func (m *screen) sparkWidth() int { return min(max(m.width-110, 10), ratesKept) }

// queueState says what a person should know of a queue first.
func queueState(q inspect.QueueInfo) (string, tone) {
	switch {
	case q.Paused != nil:
		return "paused " + ago(q.Paused.At) + " by " + cmp.Or(q.Paused.By, "somebody"), toneWarn
	case q.Workers == 0 && q.Waiting+q.InFlight+q.Delayed+q.Retrying > 0:
		return "no workers", toneBad
	case others(q) != "-":
		return others(q), toneWarn
	default:
		return "", tonePlain
	}
}

func (m *screen) workerRows() ([]column, []row) {
	columns := []column{
		{title: "WORKER"}, {title: "QUEUE"}, {title: "HOST", worth: 2}, {title: "PID", right: true, worth: 1},
		{title: "SLOTS", right: true, worth: 5}, {title: "RUNNING", right: true, worth: 7},
		{title: "IN FLIGHT", right: true, worth: 6},
		{title: "STUCK", right: true, worth: 8}, {title: "LEASE LEFT", right: true, worth: 4},
		{title: "UP", right: true, worth: 3},
		{title: "STATE", worth: 9}, {title: "VERSION", worth: 1},
	}
	var rows []row
	if !m.current() {
		return columns, nil
	}
	for _, w := range m.last.workers {
		if filter := m.filters[paneWorkers]; !strings.Contains(w.Name, filter) && !strings.Contains(w.Queue, filter) {
			continue
		}
		tone := tonePlain
		if w.LeaseMS < 0 {
			tone = toneBad
		} else if w.Stuck > 0 || w.State != inspect.WorkerWorking {
			tone = toneWarn
		}
		rows = append(rows, row{key: rowOf(w), queue: w.Queue, tone: tone, cells: []string{
			w.Name, w.Queue, w.Host, fmt.Sprint(w.PID), fmt.Sprint(w.Slots), fmt.Sprint(w.Running), number(w.InFlight),
			fmt.Sprint(w.Stuck), fmt.Sprint(time.Duration(w.LeaseMS) * time.Millisecond),
			command.Duration(time.Since(w.Started)),
			string(w.State), w.Version,
		}})
	}
	return columns, rows
}

// rowOf names the row of a worker.
func rowOf(w inspect.WorkerInfo) string { return w.Queue + "/" + w.Name }

func (m *screen) pendingRows() ([]column, []row) {
	columns := []column{
		{title: "ID"}, {title: "KIND"}, {title: "WORKER", worth: 5}, {title: "HEART", worth: 6},
		{title: "IDLE", right: true, worth: 7},
		{title: "DELIVERIES", right: true, worth: 2}, {title: "ATTEMPT", right: true, worth: 3}, {title: "NEXT", worth: 4},
	}
	var rows []row
	for _, j := range m.jobs() {
		tone := tonePlain
		if j.Stuck {
			tone = toneBad
		} else if j.Heartbeat != inspect.HeartbeatAlive {
			tone = toneWarn
		}
		next := j.NextStep
		if j.Cancelled != nil {
			next = "cancelled; " + next
		}
		rows = append(rows, row{key: j.ID, queue: j.Queue, tone: tone, cells: []string{
			j.ID, j.Kind, j.Worker, string(j.Heartbeat), command.Duration(time.Duration(j.IdleMS) * time.Millisecond),
			number(j.Deliveries), attempts(j), next,
		}})
	}
	return columns, rows
}

func (m *screen) deadRows() ([]column, []row) {
	columns := []column{
		{title: "ID"}, {title: "KIND"}, {title: "ATTEMPT", right: true, worth: 2}, {title: "WHEN", worth: 3},
		{title: "WORKER", worth: 1}, {title: "ERROR", worth: 4},
	}
	var rows []row
	for _, j := range m.jobs() {
		rows = append(rows, row{key: j.ID, queue: j.Queue, cells: []string{
			j.ID, j.Kind, attempts(j), when(j), cmp.Or(j.Worker, "-"), short(trouble(j)),
		}})
	}
	return columns, rows
}

// jobs are those of the pane, once they have been read.
func (m *screen) jobs() []inspect.JobInfo {
	if !m.current() {
		return nil
	}
	return m.last.found.Jobs
}

// number writes a count so that it can be read at a glance: 12, 34.5k, 6.7M.
func number(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprint(n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1fk", float64(n)/1e3)
	default:
		return fmt.Sprintf("%.1fM", float64(n)/1e6)
	}
}

func perSecond(v float64) string {
	if v > 0 && v < 10 {
		return fmt.Sprintf("%.1f", v)
	}
	return number(int64(v + 0.5))
}
