package dashboard

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/navvy-go/navvy/internal/credentials"
	"github.com/navvy-go/navvy/internal/secondfactor"
)

// Credentials are the passwords and tokens of a file, with a role each, and people's second factors. Its lines are made
// by monitor password, monitor totp and monitor token; those of a gateway, without a role, let nobody in here. A change
// of the file is noticed within two seconds. While it is missing, cannot be read or is open to others, nobody is let
// in; a line with a mistake does not count.
type Credentials struct{ store *credentials.Store[Role] }

// ReadCredentials reads the file at path. It refuses one with a mistake, and one that others can read or change.
func ReadCredentials(path string) (*Credentials, error) {
	store, err := credentials.Open(path, roleOf)
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	return &Credentials{store}, nil
}

// Watch reports to the log what is wrong with the file, until ctx ends.
func (c *Credentials) Watch(ctx context.Context, log *slog.Logger) { c.store.Watch(ctx, log) }

// Problems says what is wrong with the file now: why nobody is let in, or which lines do not count.
func (c *Credentials) Problems() []string { return c.store.Problems() }

// roleOf reads the role of a line. A gateway's lines have none.
func roleOf(kind credentials.Kind, text string) (role Role, ours bool, err error) {
	if kind == credentials.Key || text == "" {
		return 0, false, nil
	}
	role, err = ParseRole(text)
	return role, true, err
}

// person is a user of the file as it is now.
type person struct {
	User
	proof  string               // changes with the password, the role and the second factor
	factor *secondfactor.Factor // what they prove beside the password; nil for nothing
}

func personOf(owner credentials.Owner[Role]) person {
	return person{User{Name: owner.Name, Role: owner.Grant}, owner.Line, owner.Factor}
}

// password returns the person of that name, if plain is their password. It takes as long for a name that nobody has.
func (c *Credentials) password(name, plain string) (person, bool) {
	owner, ok := c.store.Login(name, plain)
	return personOf(owner), ok
}

// person returns the person of that name.
func (c *Credentials) person(name string) (person, bool) {
	owner, ok := c.store.Person(name)
	return personOf(owner), ok
}

// token returns the program whose token it is.
func (c *Credentials) token(token string) (User, bool) {
	owner, ok := c.store.Program(credentials.Token, token)
	return User{Name: owner.Name, Role: owner.Grant, Bearer: ok}, ok
}
