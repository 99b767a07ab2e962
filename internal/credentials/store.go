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
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

const reread = 2 * time.Second // how soon a change of a file is noticed

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
}

// Parse reads what a line of a kind grants; the text is empty where the line has no such word. It returns false for a
// line that is not for this program, and an error for one that is wrong.
type Parse[G any] func(kind Kind, text string) (grant G, ours bool, err error)

// Store is a file of credentials, read again when it changes. A change is noticed within two seconds; while the file
// cannot be read or has a mistake, what was read before counts: a slip must not lock everybody out. It is safe for
// concurrent use.
type Store[G any] struct {
	path  string
	parse Parse[G]

	mu      sync.Mutex
	looked  time.Time
	changed time.Time
	size    int64
	known   known[G]
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

// Open reads the file at path. A file that everybody on the machine can read is refused.
func Open[G any](path string, parse Parse[G]) (*Store[G], error) {
	s := &Store[G]{path: path, parse: parse}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
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

func (s *Store[G]) current() known[G] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.looked) < reread {
		return s.known
	}
	s.looked = time.Now()
	if info, err := os.Stat(s.path); err == nil && (!info.ModTime().Equal(s.changed) || info.Size() != s.size) {
		_ = s.load()
	}
	return s.known
}

func (s *Store[G]) load() error {
	file, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o004 != 0 {
		return fmt.Errorf("%s can be read by everybody on this machine: chmod 600 %s", s.path, s.path)
	}
	read := known[G]{people: map[string]person[G]{}, programs: map[secretID]Owner[G]{}}
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := s.add(read, words); err != nil {
			return fmt.Errorf("%s, line %d: %w", s.path, number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	s.known, s.changed, s.size = read, info.ModTime(), info.Size()
	return nil
}

// add reads a line.
func (s *Store[G]) add(into known[G], words []string) error {
	kind := Kind(words[0])
	if kind == Password && len(words) == 3 { // grants nothing
		words = []string{words[0], words[1], "", words[2]}
	}
	if len(words) != 4 || kind != Password && kind != Token && kind != Key {
		return errors.New("not of the form: password NAME [ROLE] HASH, token NAME ROLE HASH or key NAME SCOPES HASH")
	}
	name := words[1]
	grant, ours, err := s.parse(kind, words[2])
	if err != nil {
		return err
	}
	if kind != Password {
		of, err := parseSum(words[3])
		if err != nil {
			return fmt.Errorf("the hash of %s: %w", name, err)
		}
		if ours {
			into.programs[secretID{kind, of}] = Owner[G]{name, grant}
		}
		return nil
	}
	hash, err := parsePassword(words[3])
	if err != nil {
		return fmt.Errorf("the hash of %s: %w", name, err)
	}
	if _, twice := into.people[name]; twice {
		return fmt.Errorf("%s has a password already", name)
	}
	if ours {
		into.people[name] = person[G]{Owner[G]{name, grant}, hash}
	}
	return nil
}
