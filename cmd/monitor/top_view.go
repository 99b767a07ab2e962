package main

import (
	"bytes"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/redisx"
)

// The sixteen colours, which follow the terminal's own theme.
var (
	bold     = lipgloss.NewStyle().Bold(true)
	faint    = lipgloss.NewStyle().Faint(true)
	marked   = lipgloss.NewStyle().Reverse(true)
	headings = lipgloss.NewStyle().Foreground(lipgloss.Cyan)
	alarm    = lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true)
	tones    = map[tone]lipgloss.Style{
		tonePlain: lipgloss.NewStyle(),
		toneWarn:  lipgloss.NewStyle().Foreground(lipgloss.Yellow),
		toneBad:   lipgloss.NewStyle().Foreground(lipgloss.Red),
	}
)

const frameHeight = 4 // tabs, summary, status and hints

// bodyHeight is how many lines the list has, its headings included.
func (m *screen) bodyHeight() int { return max(m.height-frameHeight, 2) }

// View implements [tea.Model].
func (m *screen) View() tea.View {
	body := m.body()
	for len(body) < m.bodyHeight() {
		body = append(body, "")
	}
	lines := append([]string{m.tabs(), m.summary()}, body[:m.bodyHeight()]...)
	lines = append(lines, m.statusLine(), m.hints())
	for n, text := range lines {
		lines[n] = ansi.Truncate(text, m.width, "…")
	}
	view := tea.NewView(strings.Join(lines[:min(len(lines), max(m.height, 1))], "\n"))
	view.AltScreen, view.WindowTitle = true, "navvy top"
	return view
}

func (m *screen) tabs() string {
	var tabs []string
	for p, title := range titles {
		text := fmt.Sprintf(" %d %s ", p+1, title)
		if info, known := m.chosen(); known && pane(p) == panePending {
			text = fmt.Sprintf(" %d %s %s ", p+1, title, number(info.InFlight))
		} else if known && pane(p) == paneDead {
			text = fmt.Sprintf(" %d %s %s ", p+1, title, number(info.Dead))
		}
		if pane(p) == m.pane {
			text = marked.Render(text)
		}
		tabs = append(tabs, text)
	}
	return bold.Render("navvy") + " " + strings.Join(tabs, "")
}

// summary says where the person is, or that Redis is away and how old the numbers are.
func (m *screen) summary() string {
	if m.away != nil {
		since := "nothing was read yet"
		if !m.last.at.IsZero() {
			since = "this is how it was at " + m.last.at.Format("15:04:05")
		}
		what := "This cannot be shown; "
		if redisx.IsAway(m.away) {
			what = "Redis does not answer; "
		}
		return alarm.Render(what+since) + " " + faint.Render(command.Printable(m.away.Error()))
	}
	parts := []string{fmt.Sprintf("%d queues", len(m.last.queues))}
	if m.last.broken != nil {
		parts = append(parts, alarm.Render("not shown: "+command.Printable(m.last.broken.Error())))
	}
	if info, known := m.chosen(); known && m.pane.state() != "" {
		parts = []string{"queue " + command.Printable(m.queue)}
		if state, _ := queueState(info); state != "" {
			parts = append(parts, command.Printable(state))
		}
		parts = append(parts, m.searched())
	}
	if filter := m.filters[m.pane]; filter != "" {
		parts = append(parts, "filter "+command.Printable(filter))
	}
	if !m.last.at.IsZero() {
		parts = append(parts, m.last.at.Format("15:04:05"))
	}
	return faint.Render(strings.Join(parts, " · "))
}

// searched says how much of the state the rows are.
func (m *screen) searched() string {
	found := m.last.found
	switch {
	case !m.current():
		return "reading …"
	case found.Truncated:
		return fmt.Sprintf("%d found in the first %s of %s", len(found.Jobs), number(found.Scanned), number(found.Total))
	case found.Next != "":
		return fmt.Sprintf("the first %d of %s", len(found.Jobs), number(found.Total))
	default:
		return fmt.Sprintf("%d of %s", len(found.Jobs), number(found.Total))
	}
}

func (m *screen) body() []string {
	switch {
	case m.help:
		return m.scrolled(m.helpLines())
	case m.job != "":
		return m.scrolled(m.jobLines())
	default:
		return m.list()
	}
}

// scrolled shows a text from the line that the person has scrolled to.
func (m *screen) scrolled(lines []string) []string {
	return lines[min(m.scroll, max(len(lines)-m.bodyHeight(), 0)):]
}

func (m *screen) helpLines() []string {
	lines := make([]string, len(bindings))
	for n, b := range bindings {
		shown := b.shown
		if shown == "" {
			shown = b.keys[0]
		}
		where := ""
		for _, p := range b.panes {
			where += " " + titles[p]
		}
		lines[n] = fmt.Sprintf("%-10s %s%s", shown, b.help, faint.Render(where))
	}
	return lines
}

func (m *screen) jobLines() []string {
	switch {
	case !m.current():
		return []string{"reading …"}
	case m.last.jobErr != nil:
		return []string{command.Printable(m.last.jobErr.Error())}
	}
	var text bytes.Buffer
	_ = printJob(&text, m.last.job) // to memory
	return strings.Split(strings.TrimSpace(ansi.Hardwrap(text.String(), m.width, true)), "\n")
}

// list draws the rows around the selected one.
func (m *screen) list() []string {
	columns, rows := m.rows()
	if len(rows) == 0 {
		return []string{faint.Render(m.nothing())}
	}
	room := m.bodyHeight() - 1
	_, at := m.selected(rows)
	first := max(0, min(at-room/2, len(rows)-room))
	shown := rows[first:min(first+room, len(rows))]
	const marker = 2 // columns before each line
	widths := layout(columns, shown, m.width-marker)
	names := make([]string, len(columns))
	for n, c := range columns {
		names[n] = c.title
	}
	lines := []string{"  " + headings.Render(line(columns, widths, names, m.width-marker))}
	for n, r := range shown {
		text := line(columns, widths, r.cells, m.width-marker)
		if first+n == at {
			lines = append(lines, marked.Render("> "+text))
		} else {
			lines = append(lines, "  "+tones[r.tone].Render(text))
		}
	}
	return lines
}

// nothing says why the list is empty.
func (m *screen) nothing() string {
	switch {
	case m.last.at.IsZero() || m.pane != paneQueues && !m.current():
		return "reading …"
	case len(m.last.queues) == 0:
		return "no queue yet: no job was enqueued and no worker has started"
	case m.filters[m.pane] != "":
		return "nothing matches the filter; esc clears it"
	case m.pane == paneWorkers:
		return "no worker"
	default:
		return "no job"
	}
}

// statusLine says what came of the last action, or asks a question whose answer is typed below it.
func (m *screen) statusLine() string {
	switch {
	case m.prompt != nil && m.prompt.wrong != "":
		return alarm.Render(command.Printable(m.prompt.wrong))
	case m.prompt != nil:
		return bold.Render(command.Printable(m.prompt.label))
	case m.failed:
		return alarm.Render(command.Printable(m.status))
	default:
		return command.Printable(m.status)
	}
}

func (m *screen) hints() string {
	if m.prompt != nil {
		return "> " + command.Printable(m.prompt.text) + "█"
	}
	hints := "tab list  / filter  enter details  ? help  q quit"
	switch m.pane {
	case paneQueues:
		hints = "p pause/resume  " + hints
	case panePending:
		hints = "c cancel  d delete  p pause/resume  " + hints
	case paneDead:
		hints = "r requeue  R requeue all  d delete  " + hints
	}
	return faint.Render(hints)
}

// lastLine is far enough to reach the end of what is shown.
func (m *screen) lastLine() int {
	switch {
	case m.help:
		return len(m.helpLines()) - m.bodyHeight()
	case m.job != "":
		return len(m.jobLines()) - m.bodyHeight()
	default:
		return topRows
	}
}
