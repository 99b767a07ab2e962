package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/navvy-go/navvy/internal/credentials"
)

// Credentials are the API keys and passwords of a file. Each line is one of
//
//	key      NAME SCOPE,SCOPE… SHA-256
//	password NAME BCRYPT
//
// as [NewKey] and [PasswordLine] make them; empty lines and those that begin with # are skipped. A change of the file is
// noticed within two seconds; while it cannot be read or has a mistake, what was read before counts.
//
// A key lets a program in: it is an [Auth]. A password lets a person log in: it is [Users].
type Credentials struct{ file *credentials.File[known] }

// known is what the file says.
type known struct {
	keys      map[credentials.Sum]Caller // by what the key hashes to
	passwords map[string]credentials.Password
}

// ReadCredentials reads the file at path. It refuses a file that everybody on the machine can read.
func ReadCredentials(path string) (*Credentials, error) {
	empty := func() known {
		return known{keys: map[credentials.Sum]Caller{}, passwords: map[string]credentials.Password{}}
	}
	file, err := credentials.Open(path, empty, known.add)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	return &Credentials{file}, nil
}

// NewKey makes a random API key and the line that lets its owner in. The key itself is kept nowhere.
func NewKey(name string, scopes []Scope) (key, fileLine string, err error) {
	if err := credentials.CheckName(name); err != nil {
		return "", "", fmt.Errorf("gateway: %w", err)
	}
	key = credentials.NewToken()
	return key, fmt.Sprintf("key %s %s %s", name, joined(scopes, ","), credentials.SumOf(key)), nil
}

// PasswordLine makes the line of a person who logs in with a password, of ten characters at the least and 72 bytes at
// the most.
func PasswordLine(name, plain string) (string, error) {
	if err := credentials.CheckName(name); err != nil {
		return "", fmt.Errorf("gateway: %w", err)
	}
	hash, err := credentials.HashPassword(plain)
	if err != nil {
		return "", fmt.Errorf("gateway: %w", err)
	}
	return fmt.Sprintf("password %s %s", name, hash), nil
}

// add reads a line.
func (k known) add(words []string) error {
	switch {
	case words[0] == "key" && len(words) == 4:
		scopes, err := ParseScopes(strings.Split(words[2], ","))
		if err != nil {
			return err
		}
		sum, err := credentials.ParseSum(words[3])
		if err != nil {
			return fmt.Errorf("the hash of %s: %w", words[1], err)
		}
		k.keys[sum] = Caller{Name: "key:" + words[1], Scopes: scopes}
	case words[0] == "password" && len(words) == 3:
		hash, err := credentials.ParsePassword(words[2])
		if err != nil {
			return fmt.Errorf("the hash of %s: %w", words[1], err)
		}
		if k.passwords[words[1]] != nil {
			return fmt.Errorf("%s has a password already", words[1])
		}
		k.passwords[words[1]] = hash
	default:
		return errors.New("not of the form: key NAME SCOPES HASH, or password NAME HASH")
	}
	return nil
}

// Identify looks for an API key, in X-API-Key or as a bearer token.
func (c *Credentials) Identify(r *http.Request) (Caller, error) {
	key := r.Header.Get("X-API-Key")
	if key == "" {
		key = bearer(r)
	}
	if key == "" {
		return Caller{}, errNone
	}
	caller, ok := c.file.Current().keys[credentials.SumOf(key)]
	if !ok {
		return Caller{}, errBad
	}
	return caller, nil
}

// Users are the people who may log in.
type Users interface {
	Is(name, password string) bool // takes as long for a name that nobody has
	Exists(name string) bool       // still: a session ends with its user
}

// Is tells whether that is the password of the user of that name.
func (c *Credentials) Is(name, plain string) bool { return c.file.Current().passwords[name].Is(plain) }

// Exists tells whether there is a user of that name.
func (c *Credentials) Exists(name string) bool { return c.file.Current().passwords[name] != nil }

type nobody struct{}

func (nobody) Is(string, string) bool { return false }
func (nobody) Exists(string) bool     { return false }
