package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/navvy-go/navvy/internal/credentials"
	"github.com/navvy-go/navvy/internal/scope"
)

// Credentials are the API keys and passwords of a file, whose lines producer key and producer password make. A change
// of the file is noticed within two seconds. While it is missing, cannot be read or is open to others, nobody is let
// in; a line with a mistake does not count.
//
// A key lets a program in: it is an [Auth]. A password lets a person log in: it is [Users].
type Credentials struct {
	store *credentials.Store[[]scope.Scope]
}

// ReadCredentials reads the file at path. It refuses one with a mistake, and one that others can read or change.
func ReadCredentials(path string) (*Credentials, error) {
	store, err := credentials.Open(path, scopesOf)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	return &Credentials{store}, nil
}

// Watch reports to the log what is wrong with the file, until ctx ends.
func (c *Credentials) Watch(ctx context.Context, log *slog.Logger) { c.store.Watch(ctx, log) }

// Problems says what is wrong with the file now: why nobody is let in, or which lines do not count.
func (c *Credentials) Problems() []string { return c.store.Problems() }

// scopesOf reads the scopes of a key. A person needs none, and a token is the monitor's.
func scopesOf(kind credentials.Kind, text string) (scopes []scope.Scope, ours bool, err error) {
	if kind != credentials.Key {
		return nil, kind == credentials.Password, nil
	}
	scopes, err = scope.Parse(strings.Split(text, ","))
	return scopes, true, err
}

// Identify looks for an API key, in X-API-Key or as a bearer token.
func (c *Credentials) Identify(r *http.Request) (Caller, error) {
	key := secretOf(r)
	if key == "" {
		return Caller{}, errNone
	}
	owner, ok := c.store.Program(credentials.Key, key)
	if !ok {
		return Caller{}, errBad
	}
	return Caller{Name: "key:" + owner.Name, Scopes: owner.Grant}, nil
}

// Users are the people who may log in.
type Users interface {
	// Is reports whether that is the password, and takes as long for a name that nobody has. The proof is another one when
	// the user has another password.
	Is(name, password string) (proof string, ok bool)
	// Proof is that of a user who still exists: a session ends with its user and their password.
	Proof(name string) (proof string, ok bool)
	// HasSecondFactor reports whether a password alone must not let the user in.
	HasSecondFactor(name string) bool
}

// Is reports whether that is the password of the user of that name.
func (c *Credentials) Is(name, plain string) (proof string, ok bool) {
	owner, ok := c.store.Login(name, plain)
	return owner.Line, ok
}

// Proof reports whether there is a user of that name, and what changes with their line.
func (c *Credentials) Proof(name string) (proof string, ok bool) {
	owner, ok := c.store.Person(name)
	return owner.Line, ok
}

// HasSecondFactor reports whether the user of that name has one. The gateway does not ask for it.
func (c *Credentials) HasSecondFactor(name string) bool {
	owner, _ := c.store.Person(name)
	return owner.Factor != nil
}

type nobody struct{}

func (nobody) Is(string, string) (string, bool) { return "", false }
func (nobody) Proof(string) (string, bool)      { return "", false }
func (nobody) HasSecondFactor(string) bool      { return false }
