package flagprovider_test

import (
	"os"
	"strings"
	"testing"
)

// scenario is one of a feature file, with the values of its example.
type scenario struct {
	name  string
	tags  string
	steps []step
}

// step is one line of a scenario, with the table below it.
type step struct {
	text  string
	table [][]string
}

// outline is a scenario as it is written.
type outline struct {
	scenario
	examples [][]string // of the table that is being read; the first line has the names
}

// feature is a reader of as much of Gherkin as the specification's files use.
type feature struct {
	background []step
	current    *outline
	tags       string
	scenarios  []scenario
}

func readFeature(t *testing.T, path string) []scenario {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	var f feature
	steps := &f.background
	inExamples := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		head, rest, _ := strings.Cut(line, ":")
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "@"):
			f.tags = line
		case head == "Feature", head == "Background", line[0] != '|' && steps == nil:
		case head == "Scenario", head == "Scenario Outline":
			f.end()
			f.current = &outline{scenario: scenario{name: strings.TrimSpace(rest), tags: f.tags}}
			steps, inExamples = &f.current.steps, false
		case head == "Examples":
			f.expand()
			inExamples = true
		case line[0] == '|' && inExamples:
			f.current.examples = append(f.current.examples, cells(line))
		case line[0] == '|':
			last := &(*steps)[len(*steps)-1]
			last.table = append(last.table, cells(line))
		default:
			for _, word := range []string{"Given ", "When ", "Then ", "And "} {
				if text, ok := strings.CutPrefix(line, word); ok {
					*steps = append(*steps, step{text: text})
				}
			}
		}
	}
	f.end()
	return f.scenarios
}

func cells(line string) []string {
	parts := strings.Split(strings.Trim(line, "|"), "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// expand adds a scenario for each line of the examples that were read.
func (f *feature) expand() {
	if f.current == nil || len(f.current.examples) == 0 {
		return
	}
	names := f.current.examples[0]
	for _, line := range f.current.examples[1:] {
		var pairs []string
		for i, name := range names {
			pairs = append(pairs, "<"+name+">", line[i])
		}
		f.add(strings.NewReplacer(pairs...))
	}
	f.current.examples = nil
}

func (f *feature) add(values *strings.Replacer) {
	s := scenario{name: f.current.name, tags: f.current.tags, steps: append([]step(nil), f.background...)}
	for _, step := range f.current.steps {
		step.text = values.Replace(step.text)
		s.steps = append(s.steps, step)
	}
	f.scenarios = append(f.scenarios, s)
}

// end ends a scenario; one without examples is itself one.
func (f *feature) end() {
	if f.current == nil {
		return
	}
	before := len(f.scenarios)
	f.expand()
	outlined := before < len(f.scenarios) || len(f.scenarios) > 0 && f.scenarios[len(f.scenarios)-1].name == f.current.name
	if !outlined {
		f.add(strings.NewReplacer())
	}
	f.current = nil
}
