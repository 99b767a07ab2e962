// Package credentials is the file of who is let in: people by their passwords, and programs by random secrets. The
// gateway and the monitor read the same form of file, and may read the same file.
//
// Each line is one of
//
//	password NAME [ROLE] BCRYPT
//	token    NAME ROLE SHA-256
//	key      NAME SCOPE,SCOPE… SHA-256
//
// as [PasswordLine] and [NewSecret] make them. Roles are the monitor's, scopes are the gateway's. Empty lines and those
// that begin with # are skipped.
package credentials

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/navvy-go/navvy/internal/secretfile"
)

const (
	reread       = 2 * time.Second // how soon a change of a file is noticed
	remind       = time.Minute     // how often a mistake is reported that stays
	problemsMost = 20              // of a file
)

// Kind is the first word of a line.
type Kind string

// The kinds of lines.
const (
	Password Kind = "password" // of a person
	Token    Kind = "token"    // of a program that reads from the monitor, or acts there
	Key      Kind = "key"      // of a program that uses the gateway
)

// Owner is who a line lets in. G is what a line grants, such as a role.
type Owner[G any] struct {
	Name  string
	Grant G
	Line  string // of a person: another one when anything of the line has changed, such as the password or the role
}

// Parse reads what a line of a kind grants; the text is empty where the line has no such word. It returns false for a
// line that is not for this program, and an error for one that is wrong.
type Parse[G any] func(kind Kind, text string) (grant G, ours bool, err error)

// Store is a file of credentials, read again every two seconds. What lets somebody in is what the file says now: while
// it is missing, cannot be read, or is open to others, it lets in nobody, and a line with a mistake lets in nobody,
// while the others count. [Store.Problems] names what is wrong. It is safe for concurrent use.
type Store[G any] struct {
	path  string
	parse Parse[G]

	mu       sync.Mutex
	looked   time.Time
	text     []byte // as it was read last; nil if it could not be read
	known    known[G]
	problems []string
}

// known is what the file says. It is not changed once it was read.
type known[G any] struct {
	people   map[string]person[G]
	programs map[secretID]Owner[G]
}

type person[G any] struct {
	Owner[G]
	hash passwordHash
}

// secretID finds the owner of a token or key. Secrets are looked up by their hashes, so that how long it takes says
// nothing about those in the file.
type secretID struct {
	kind Kind
	sum  sum
}

// Open reads the file at path. A mistake in it is an error here, where a person sees it at once.
func Open[G any](path string, parse Parse[G]) (*Store[G], error) {
	s := &Store[G]{path: path, parse: parse}
	s.look()
	if len(s.problems) > 0 {
		return nil, fmt.Errorf("credentials: %s", strings.Join(s.problems, "; "))
	}
	return s, nil
}

// Login returns the person of that name, if plain is their password. It takes as long for a name that nobody has.
func (s *Store[G]) Login(name, plain string) (Owner[G], bool) {
	found := s.current().people[name]
	return found.Owner, found.hash.is(plain)
}

// Person returns the person of that name, if the file has one now: a session ends with its user.
func (s *Store[G]) Person(name string) (Owner[G], bool) {
	found, ok := s.current().people[name]
	return found.Owner, ok
}

// Program returns whose token or key it is.
func (s *Store[G]) Program(kind Kind, secret string) (Owner[G], bool) {
	owner, ok := s.current().programs[secretID{kind, sumOf(secret)}]
	return owner, ok
}

// Problems says what is wrong with the file now: why nobody is let in, or which lines do not count.
func (s *Store[G]) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookAgain()
	return s.problems
}

// Watch reads the file again every two seconds until ctx ends, and reports what is wrong with it: at once, and each
// minute while it lasts.
func (s *Store[G]) Watch(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(reread)
	defer tick.Stop()
	var reported []string
	var at time.Time
	for {
		problems := s.Problems()
		if changed := !slices.Equal(problems, reported); changed || len(problems) > 0 && time.Since(at) >= remind {
			for _, problem := range problems {
				log.Error("credentials do not count", "file", s.path, "problem", problem)
			}
			if changed && len(problems) == 0 {
				log.Info("credentials count again", "file", s.path)
			}
			reported, at = problems, time.Now()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Store[G]) current() known[G] {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookAgain()
	return s.known
}

func (s *Store[G]) lookAgain() {
	if time.Since(s.looked) >= reread {
		s.look()
	}
}

// look reads the file, whatever its time and size: a mode that was changed, or a copy that kept its time, counts too.
func (s *Store[G]) look() {
	s.looked = time.Now()
	text, err := secretfile.Read(s.path)
	if err != nil {
		s.text, s.known, s.problems = nil, known[G]{}, []string{err.Error() + ": nobody is let in"}
		return
	}
	if s.text != nil && bytes.Equal(text, s.text) {
		return
	}
	s.text = text
	s.known, s.problems = s.read(text)
}

// read reads all lines, and says what is wrong with those that do not count.
func (s *Store[G]) read(text []byte) (into known[G], problems []string) {
	into = known[G]{people: map[string]person[G]{}, programs: map[secretID]Owner[G]{}}
	seen := map[string]bool{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := s.add(into, seen, words); err != nil && len(problems) < problemsMost {
			problems = append(problems, fmt.Sprintf("%s, line %d: %s", s.path, number, err))
		}
	}
	return into, problems
}

// add reads a line. Of two about one person or secret neither counts: which of them was meant to is not known.
func (s *Store[G]) add(into known[G], seen map[string]bool, words []string) error {
	kind := Kind(words[0])
	if kind == Password && len(words) == 3 { // grants nothing
		words = []string{words[0], words[1], "", words[2]}
	}
	if len(words) != 4 || kind != Password && kind != Token && kind != Key {
		return errors.New("not of the form: password NAME [ROLE] HASH, token NAME ROLE HASH or key NAME SCOPES HASH")
	}
	if kind == Password {
		return s.addPerson(into, seen, words)
	}
	return s.addProgram(into, seen, words)
}

func (s *Store[G]) addPerson(into known[G], seen map[string]bool, words []string) error {
	name := words[1]
	twice := seen[name]
	if seen[name] = true; twice {
		delete(into.people, name)
		return fmt.Errorf("%s has a password already: neither line counts", name)
	}
	grant, ours, err := s.parse(Password, words[2])
	if err != nil {
		return err
	}
	hash, err := parsePassword(words[3])
	if err != nil {
		return fmt.Errorf("the hash of %s: %w", name, err)
	}
	if ours {
		into.people[name] = person[G]{Owner[G]{name, grant, sumOf(strings.Join(words, " ")).String()}, hash}
	}
	return nil
}

func (s *Store[G]) addProgram(into known[G], seen map[string]bool, words []string) error {
	kind, name := Kind(words[0]), words[1]
	of, err := parseSum(words[3])
	if err != nil {
		return fmt.Errorf("the hash of %s: %w", name, err)
	}
	id := secretID{kind, of}
	about := words[0] + " " + of.String() // no name has a space
	twice := seen[about]
	if seen[about] = true; twice {
		delete(into.programs, id)
		return fmt.Errorf("the %s of %s is that of another line too: neither counts", kind, name)
	}
	grant, ours, err := s.parse(kind, words[2])
	if err != nil {
		return err
	}
	if ours {
		into.programs[id] = Owner[G]{Name: name, Grant: grant}
	}
	return nil
}
