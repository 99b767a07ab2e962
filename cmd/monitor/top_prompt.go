package main

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/navvy-go/navvy/queue/inspect"
)

// prompt is a question in the last line.
type prompt struct {
	label string
	text  string
	want  string // the only answer that is taken, or "" for any
	wrong string // what was wrong with the last answer
	enter func(m *screen, text string) error
}

func (p *prompt) press(m *screen, key tea.KeyPressMsg) {
	switch key.String() {
	case "esc":
		m.prompt = nil
	case "enter":
		p.answer(m)
	case "backspace":
		if runes := []rune(p.text); len(runes) > 0 {
			p.text = string(runes[:len(runes)-1])
		}
	case "ctrl+u":
		p.text = ""
	default:
		p.text += key.Text
	}
}

func (p *prompt) answer(m *screen) {
	if p.want != "" && p.text != p.want {
		p.wrong = fmt.Sprintf("type %s, or press esc", p.want)
		return
	}
	if err := p.enter(m, p.text); err != nil {
		p.wrong = err.Error()
		return
	}
	m.prompt = nil
}

// askFilter asks for the filter of the pane, and refuses one that jobs cannot be searched by.
func (m *screen) askFilter() {
	if m.job != "" || m.help {
		return
	}
	at := m.pane
	m.prompt = &prompt{label: "filter", text: m.filters[at], enter: func(m *screen, text string) error {
		if at.state() != "" {
			if _, err := inspect.ParseQuery(text); err != nil {
				return err
			}
		}
		m.filters[at] = text
		m.refresh()
		return nil
	}}
}

// ask asks before an action on all that were counted.
func (m *screen) ask(c counted) {
	m.busy = ""
	if c.count.Matched == 0 && !c.count.Truncated {
		m.say("no job matches", nil)
		return
	}
	m.say("", nil)
	m.prompt = &prompt{label: c.question(), want: c.action.name, enter: func(m *screen, _ string) error {
		m.submit(actRequest(c))
		return nil
	}}
}
