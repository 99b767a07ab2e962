package credentials

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/navvy-go/navvy/internal/secondfactor"
)

// reading is a file as far as it was read.
type reading[G any] struct {
	parse     Parse[G]
	into      known[G]
	seen      map[string]bool // people, and about which secrets there was a line
	factors   map[string]*secondfactor.Factor
	distrusts map[string]bool // of whom there is a line that is not understood: it may have asked for more than a password
}

// read reads all lines, and says what is wrong with those that do not count.
func read[G any](path string, text []byte, parse Parse[G]) (into known[G], problems []string) {
	r := &reading[G]{
		parse: parse, into: known[G]{people: map[string]person[G]{}, programs: map[secretID]Owner[G]{}},
		seen: map[string]bool{}, factors: map[string]*secondfactor.Factor{}, distrusts: map[string]bool{},
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := r.add(words); err != nil && len(problems) < problemsMost {
			problems = append(problems, fmt.Sprintf("%s, line %d: %s", path, number, err))
		}
	}
	for _, problem := range r.join() {
		if len(problems) < problemsMost {
			problems = append(problems, path+": "+problem)
		}
	}
	return r.into, problems
}

// add reads a line. Of two about one person or secret neither counts: which of them was meant to is not known.
func (r *reading[G]) add(words []string) error {
	kind := Kind(words[0])
	if kind == Password && len(words) == 3 { // grants nothing
		words = []string{words[0], words[1], "", words[2]}
	}
	switch whole := len(words) == 4; {
	case whole && kind == Password:
		return r.addPerson(words)
	case whole && kind == TOTP:
		return r.addFactor(words[1], words[2], words[3])
	case whole && (kind == Token || kind == Key):
		return r.addProgram(words)
	}
	if kind != Token && kind != Key && len(words) > 1 {
		r.distrusts[words[1]] = true
	}
	return errors.New("not of the form: password NAME [ROLE] HASH, totp NAME SECRET HASHES, token NAME ROLE HASH or " +
		"key NAME SCOPES HASH")
}

func (r *reading[G]) addPerson(words []string) error {
	name := words[1]
	twice := r.seen[name]
	if r.seen[name] = true; twice {
		delete(r.into.people, name)
		return fmt.Errorf("%s has a password already: neither line counts", name)
	}
	grant, ours, err := r.parse(Password, words[2])
	if err != nil {
		return err
	}
	hash, err := parsePassword(words[3])
	if err != nil {
		return fmt.Errorf("the hash of %s: %w", name, err)
	}
	if ours {
		line := sumOf(strings.Join(words, " ")).String()
		r.into.people[name] = person[G]{Owner[G]{Name: name, Grant: grant, Line: line}, hash}
	}
	return nil
}

// addFactor reads what somebody must prove beside their password. If that is not known, they are not let in.
func (r *reading[G]) addFactor(name, secret, recovery string) error {
	if r.factors[name] != nil {
		r.distrusts[name] = true
		return fmt.Errorf("%s has a second factor already: %s is not let in", name, name)
	}
	factor, err := secondfactor.Parse(secret, recovery)
	if err != nil {
		r.distrusts[name] = true
		return fmt.Errorf("the second factor of %s, who is not let in: %w", name, err)
	}
	r.factors[name] = factor
	return nil
}

func (r *reading[G]) addProgram(words []string) error {
	kind, name := Kind(words[0]), words[1]
	of, err := parseSum(words[3])
	if err != nil {
		return fmt.Errorf("the hash of %s: %w", name, err)
	}
	id := secretID{kind, of}
	about := words[0] + " " + of.String() // no name has a space
	twice := r.seen[about]
	if r.seen[about] = true; twice {
		delete(r.into.programs, id)
		return fmt.Errorf("the %s of %s is that of another line too: neither counts", kind, name)
	}
	grant, ours, err := r.parse(kind, words[2])
	if err != nil {
		return err
	}
	if ours {
		r.into.programs[id] = Owner[G]{Name: name, Grant: grant}
	}
	return nil
}

// join gives people their second factors. A factor of nobody is a mistake: whoever it was meant for has none.
func (r *reading[G]) join() (problems []string) {
	for name, factor := range r.factors {
		if !r.seen[name] {
			problems = append(problems, fmt.Sprintf("the second factor of %s: there is no password of that name", name))
		}
		if found, ours := r.into.people[name]; ours {
			found.Factor, found.Line = factor, sumOf(found.Line+" "+factor.String()).String()
			r.into.people[name], r.into.factors = found, true
		}
	}
	for name := range r.distrusts {
		delete(r.into.people, name)
	}
	slices.Sort(problems)
	return problems
}
