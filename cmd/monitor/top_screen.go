package main

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/navvy-go/navvy/queue/inspect"
)

// screen is the model of monitor top: where the person is, and what was read last. It only changes in Update, which
// never waits: show and accept pass work to goroutines.
type screen struct {
	show   func(scope)
	accept func(request) bool

	width, height int
	pane          pane
	queue         string        // the chosen one
	filters       [panes]string // of the queues' and the workers' names, and of jobs
	marks         [panes]string // the key of the row that the person is on: rows move under it
	lines         [panes]int    // and its place, for when it has gone
	job           string        // whose details are shown, or ""
	scroll        int           // of the details or the help
	help          bool          //
	prompt        *prompt       // an open question
	busy          string        // the request that is being done
	status        string        // what came of the last one
	failed        bool          // it failed
	last          snapshot      // the last reading that succeeded
	away          error         // why Redis could not be read, or nil
	rates         map[string]*rate
}

func newScreen(show func(scope), accept func(request) bool) *screen {
	return &screen{show: show, accept: accept, width: 80, height: 24, rates: map[string]*rate{}}
}

// Init implements [tea.Model].
func (m *screen) Init() tea.Cmd {
	m.refresh()
	return nil
}

// Update implements [tea.Model].
func (m *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case snapshot:
		m.read(msg)
	case progressReport:
		m.say(m.busy+": "+string(msg), nil)
	case counted:
		m.ask(msg)
	case outcome:
		m.busy = ""
		m.say(msg.text, msg.err)
		m.refresh()
	case tea.PasteMsg:
		if m.prompt != nil {
			m.prompt.text += msg.Content
		}
	case tea.KeyPressMsg:
		return m, m.press(msg)
	}
	return m, nil
}

// scope is what is to be shown now.
func (m *screen) scope() scope {
	s := scope{pane: m.pane, queue: m.queue, job: m.job}
	if m.pane.state() != "" {
		s.query = m.filters[m.pane]
	}
	return s
}

// refresh has what is to be shown read at once.
func (m *screen) refresh() { m.show(m.scope()) }

// read takes in a reading. One of another scope, which the person has left meanwhile, still shows the state of Redis
// and of the queues.
func (m *screen) read(got snapshot) {
	if m.away = got.err; got.err != nil {
		return
	}
	m.count(got)
	if got.of != m.scope() {
		last := m.last
		got.of, got.workers, got.found, got.job, got.jobErr = last.of, last.workers, last.found, last.job, last.jobErr
	}
	m.last = got
	if _, known := m.chosen(); !known && len(got.queues) > 0 {
		m.queue = got.queues[0].Name
		m.refresh()
	}
}

// count keeps the rate of each queue.
func (m *screen) count(got snapshot) {
	rates := make(map[string]*rate, len(got.queues))
	for _, q := range got.queues {
		if rates[q.Name] = m.rates[q.Name]; rates[q.Name] == nil {
			rates[q.Name] = &rate{}
		}
		rates[q.Name].add(got.at, q.Totals.Done)
	}
	m.rates = rates
}

// current reports whether the last reading is of what is to be shown now.
func (m *screen) current() bool { return m.last.of == m.scope() }

// chosen is the queue whose jobs are shown.
func (m *screen) chosen() (inspect.QueueInfo, bool) {
	for _, q := range m.last.queues {
		if q.Name == m.queue {
			return q, true
		}
	}
	return inspect.QueueInfo{}, false
}

// selected is the row that the person is on, and its place.
func (m *screen) selected(rows []row) (row, int) {
	if len(rows) == 0 {
		return row{}, 0
	}
	for n, r := range rows {
		if r.key == m.marks[m.pane] {
			return r, n
		}
	}
	at := min(m.lines[m.pane], len(rows)-1)
	return rows[at], at
}

// move goes by lines among the rows, or in the details.
func (m *screen) move(by int) {
	if m.job != "" || m.help {
		m.scroll = max(min(m.scroll+by, m.lastLine()), 0)
		return
	}
	_, rows := m.rows()
	_, at := m.selected(rows)
	if len(rows) == 0 {
		return
	}
	at = min(max(at+by, 0), len(rows)-1)
	m.marks[m.pane], m.lines[m.pane] = rows[at].key, at
	if m.pane == paneQueues {
		m.queue = rows[at].key
	}
}

// turn shows another pane.
func (m *screen) turn(to pane) {
	m.pane, m.job, m.scroll = (to+panes)%panes, "", 0
	m.refresh()
}

// switchQueue chooses another queue.
func (m *screen) switchQueue(by int) {
	n := len(m.last.queues)
	for at, q := range m.last.queues {
		if q.Name == m.queue {
			m.queue = m.last.queues[(at+by+n)%n].Name
			m.marks[paneQueues], m.job = m.queue, ""
			m.refresh()
			return
		}
	}
}

// submit has something done, unless something is being done.
func (m *screen) submit(r request) {
	if m.busy != "" || !m.accept(r) {
		m.say("busy: "+m.busy, nil)
		return
	}
	m.busy = r.name
	m.say(r.name+" …", nil)
}

func (m *screen) say(text string, err error) {
	m.status, m.failed = text, err != nil
	if err != nil {
		m.status = err.Error()
	}
}

const ratesKept = 60 // as many as a sparkline may show

// rate is how many jobs of a queue are done in a second, over its last readings.
type rate struct {
	at   time.Time
	done int64
	kept []float64
}

// add takes in a reading. Readings that follow each other at once, because a key was pressed, count as one; a total
// that has shrunk is of another Redis.
func (r *rate) add(at time.Time, done int64) {
	passed := at.Sub(r.at)
	if !r.at.IsZero() && passed < topFastest/2 {
		return
	}
	switch {
	case r.at.IsZero():
	case done < r.done:
		r.kept = nil
	default:
		r.kept = append(r.kept, float64(done-r.done)/passed.Seconds())
		r.kept = r.kept[max(len(r.kept)-ratesKept, 0):]
	}
	r.at, r.done = at, done
}

// now is the mean of the last few readings, for a number that can be read.
func (r *rate) now() float64 {
	last := r.kept[max(len(r.kept)-5, 0):]
	sum := 0.0
	for _, v := range last {
		sum += v
	}
	return sum / float64(max(len(last), 1))
}

var sparks = []rune("▁▂▃▄▅▆▇█")

// sparkline draws the last width readings, the highest of them full.
func (r *rate) sparkline(width int) string {
	last, top := r.kept[max(len(r.kept)-width, 0):], 0.0
	for _, v := range last {
		top = max(top, v)
	}
	line := make([]rune, len(last))
	for n, v := range last {
		line[n] = sparks[0]
		if top > 0 {
			line[n] = sparks[int(v/top*float64(len(sparks)-1)+0.5)]
		}
	}
	return string(line)
}
