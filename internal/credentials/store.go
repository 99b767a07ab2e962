// Package credentials is the file of who is let in: people by their passwords, and programs by random secrets. The
// gateway and the monitor read the same form of file, and may read the same file.
//
// Each line is one of
//
//	password NAME [ROLE] BCRYPT
//	totp     NAME SECRET SHA-256,SHA-256…
//	token    NAME ROLE SHA-256
//	key      NAME SCOPE,SCOPE… SHA-256
//
// as [PasswordLine], [NewTOTP] and [NewSecret] make them. Roles are the monitor's, scopes are the gateway's. Empty
// lines and those that begin with # are skipped.
package credentials

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/navvy-go/navvy/internal/secondfactor"
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
	TOTP     Kind = "totp"     // the second factor of a person
	Token    Kind = "token"    // of a program that reads from the monitor, or acts there
	Key      Kind = "key"      // of a program that uses the gateway
)

// Owner is who a line lets in. G is what a line grants, such as a role.
type Owner[G any] struct {
	Name   string
	Grant  G
	Line   string               // of a person: another one when the password, the role or the second factor has changed
	Factor *secondfactor.Factor // of a person: what else must be proved; nil if the password is enough
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
	factors  bool // somebody has a second factor
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

// Login returns the person of that name, if plain is their password. It takes as long for a name that nobody has. Who
// has a [Owner.Factor] must prove that as well.
func (s *Store[G]) Login(name, plain string) (Owner[G], bool) {
	found := s.current().people[name]
	return found.Owner, found.hash.is(plain)
}

// Person returns the person of that name, if the file has one now: a session ends with its user.
func (s *Store[G]) Person(name string) (Owner[G], bool) {
	found, ok := s.current().people[name]
	return found.Owner, ok
}

// HasFactors reports whether anybody has a second factor.
func (s *Store[G]) HasFactors() bool { return s.current().factors }

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
	s.known, s.problems = read(s.path, text, s.parse)
}
