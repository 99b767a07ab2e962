package main

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue/inspect"
)

// binding is what keys do. The help and the hints are made of them too.
type binding struct {
	keys  []string
	shown string // for the help; the first of keys if ""
	help  string
	panes []pane // where; everywhere if nil
	do    func(m *screen) tea.Cmd
}

var jobPanes = []pane{panePending, paneDead}

// bindings are filled by init, for the help that they open shows them.
var bindings []binding

func init() {
	bindings = slices.Concat(moves(), []binding{
		{keys: []string{"p"}, help: "pause or resume the queue", panes: []pane{paneQueues, panePending, paneDead},
			do: pauseChosen},
		{keys: []string{"p"}, help: "make the worker quiet, or wake it", panes: []pane{paneWorkers}, do: quietChosen},
		{keys: []string{"x"}, help: "stop the worker gracefully", panes: []pane{paneWorkers}, do: stopChosen},
		actionOn("c", "cancel", panePending), actionOn("b", "bury", panePending), actionOn("o", "release", panePending),
		actionOn("r", "requeue", paneDead), actionOn("d", "delete", panePending, paneDead),
		actionOnAll("C", "cancel", panePending), actionOnAll("B", "bury", panePending),
		actionOnAll("O", "release", panePending),
		actionOnAll("R", "requeue", paneDead), actionOnAll("D", "delete", panePending, paneDead),
		{keys: []string{"?"}, help: "show or hide this help", do: func(m *screen) tea.Cmd {
			m.help, m.scroll = !m.help, 0
			return nil
		}},
		{keys: []string{"ctrl+l"}, help: "draw the screen again", do: func(*screen) tea.Cmd { return tea.ClearScreen }},
		{keys: []string{"ctrl+z"}, help: "suspend", do: func(*screen) tea.Cmd { return tea.Suspend }},
		{keys: []string{"q", "ctrl+c"}, help: "quit; an action on many stops where it is",
			do: func(*screen) tea.Cmd { return tea.Quit }},
	})
}

// moves are the keys that change what is seen, and nothing else.
func moves() []binding {
	change := func(do func(m *screen)) func(*screen) tea.Cmd {
		return func(m *screen) tea.Cmd { do(m); return nil }
	}
	list := []binding{
		{keys: []string{"up", "k"}, shown: "up k", help: "one line up", do: change(func(m *screen) { m.move(-1) })},
		{keys: []string{"down", "j"}, shown: "down j", help: "one line down", do: change(func(m *screen) { m.move(1) })},
		{keys: []string{"pgup", "ctrl+b"}, help: "a page up", do: change(func(m *screen) { m.move(-m.bodyHeight()) })},
		{keys: []string{"pgdown", "ctrl+f", "space"}, help: "a page down",
			do: change(func(m *screen) { m.move(m.bodyHeight()) })},
		{keys: []string{"home", "g"}, shown: "home g", help: "to the top", do: change(func(m *screen) { m.move(-1 << 30) })},
		{keys: []string{"end", "G"}, shown: "end G", help: "to the end",
			do: change(func(m *screen) { m.move(m.lastLine()) })},
		{keys: []string{"tab"}, help: "the next list", do: change(func(m *screen) { m.turn(m.pane + 1) })},
		{keys: []string{"shift+tab"}, help: "the list before", do: change(func(m *screen) { m.turn(m.pane - 1) })},
		{keys: []string{"right", "l", "]"}, shown: "right l", help: "the next queue", panes: jobPanes,
			do: change(func(m *screen) { m.switchQueue(1) })},
		{keys: []string{"left", "h", "["}, shown: "left h", help: "the queue before", panes: jobPanes,
			do: change(func(m *screen) { m.switchQueue(-1) })},
		{keys: []string{"enter"}, help: "open the row: a queue's or a worker's jobs, a job's details",
			do: change((*screen).enter)},
		{keys: []string{"/"}, help: "filter: part of a name, or for jobs kind:… worker:… idle:>30s args.order_id:…",
			do: change((*screen).askFilter)},
		{keys: []string{"esc"}, help: "go back; clear the filter", do: change((*screen).back)},
	}
	for p, title := range titles {
		list = append(list, binding{keys: []string{string(rune('1' + p))}, help: title,
			do: change(func(m *screen) { m.turn(pane(p)) })})
	}
	return list
}

// press does what a key stands for.
func (m *screen) press(key tea.KeyPressMsg) tea.Cmd {
	if m.prompt != nil && key.String() != "ctrl+c" {
		m.prompt.press(m, key)
		return nil
	}
	for _, b := range bindings {
		if slices.Contains(b.keys, key.String()) && (b.panes == nil || slices.Contains(b.panes, m.pane)) {
			return b.do(m)
		}
	}
	return nil
}

// enter looks into the selected row.
func (m *screen) enter() {
	_, rows := m.rows()
	if len(rows) == 0 || m.job != "" || m.help {
		return
	}
	r, _ := m.selected(rows)
	switch m.pane {
	case paneQueues:
		m.queue = r.key
		m.turn(panePending)
	case paneWorkers:
		m.queue, m.filters[panePending] = r.queue, inspect.Query{Worker: r.cells[0]}.String()
		m.turn(panePending)
	default:
		m.marks[m.pane], m.job, m.scroll = r.key, r.key, 0
		m.refresh()
	}
}

func (m *screen) back() {
	switch {
	case m.help:
		m.help = false
	case m.job != "":
		m.job = ""
	default:
		m.filters[m.pane] = ""
	}
	m.scroll = 0
	m.refresh()
}

func pauseChosen(m *screen) tea.Cmd {
	if m.pane == paneQueues {
		_, rows := m.rows()
		if r, _ := m.selected(rows); r.key != "" {
			m.queue = r.key
		}
	}
	if info, known := m.chosen(); known {
		m.submit(pauseRequest(info))
	}
	return nil
}

// chosenProcess is the worker of the selected row, on each of its queues.
func (m *screen) chosenProcess() []inspect.WorkerInfo {
	_, rows := m.rows()
	r, _ := m.selected(rows)
	n := slices.IndexFunc(m.last.workers, func(w inspect.WorkerInfo) bool { return rowOf(w) == r.key })
	if n < 0 || m.help {
		return nil
	}
	chosen := m.last.workers[n]
	return slices.DeleteFunc(slices.Clone(m.last.workers), func(w inspect.WorkerInfo) bool {
		return w.Process != chosen.Process || processOf(w) != processOf(chosen)
	})
}

func quietChosen(m *screen) tea.Cmd {
	process := m.chosenProcess()
	if len(process) == 0 {
		return nil
	}
	what := inspect.CommandQuiet
	if slices.ContainsFunc(process, func(w inspect.WorkerInfo) bool { return w.State == inspect.WorkerQuiet }) {
		what = inspect.CommandWake
	}
	m.submit(commandRequest(process, what))
	return nil
}

func stopChosen(m *screen) tea.Cmd {
	process := m.chosenProcess()
	if len(process) == 0 {
		return nil
	}
	o := commandRequest(process, inspect.CommandStop)
	m.prompt = &prompt{
		label: "type stop to stop " + command.Printable(process[0].Process) + " on " +
			command.Printable(processOf(process[0])),
		want: "stop", enter: func(m *screen, _ string) error { m.submit(o); return nil },
	}
	return nil
}

// actionOn binds a key to an action on the selected job. What cannot be taken back, or interrupts work, asks first.
func actionOn(key, name string, where ...pane) binding {
	a := actionNamed(name)
	return binding{keys: []string{key}, help: name + " the job", panes: where, do: func(m *screen) tea.Cmd {
		id := m.job
		if id == "" {
			_, rows := m.rows()
			r, _ := m.selected(rows)
			id = r.key
		}
		if id == "" || m.help {
			return nil
		}
		o := jobRequest(a, m.queue, id)
		if !a.asks {
			m.submit(o)
			return nil
		}
		m.prompt = &prompt{
			label: "type " + name + " to " + name + " " + command.Printable(id), want: name,
			enter: func(m *screen, _ string) error { m.submit(o); return nil },
		}
		return nil
	}}
}

// actionOnAll binds a key to an action on all that match the filter: it counts them, and asks.
func actionOnAll(key, name string, where ...pane) binding {
	a := actionNamed(name)
	return binding{keys: []string{key}, help: name + " all that match the filter", panes: where,
		do: func(m *screen) tea.Cmd {
			if m.job == "" && !m.help && m.queue != "" {
				m.submit(countRequest(a, m.scope()))
			}
			return nil
		}}
}
