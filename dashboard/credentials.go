package dashboard

import (
	"errors"
	"fmt"

	"github.com/navvy-go/navvy/internal/credentials"
)

// Credentials are the passwords and tokens of a file. Each line is one of
//
//	password NAME viewer|operator BCRYPT
//	token    NAME viewer|operator SHA-256
//
// as [PasswordLine] and [NewToken] make them; empty lines and those that begin with # are skipped. A change of the file
// is noticed within two seconds; while it cannot be read or has a mistake, what was read before counts.
type Credentials struct{ file *credentials.File[known] }

// known is what the file says.
type known struct {
	passwords map[string]password      // by name
	tokens    map[credentials.Sum]User // by what the token hashes to
}

type password struct {
	user User
	hash credentials.Password
}

// ReadCredentials reads the file at path. It refuses a file that everybody on the machine can read.
func ReadCredentials(path string) (*Credentials, error) {
	empty := func() known { return known{passwords: map[string]password{}, tokens: map[credentials.Sum]User{}} }
	file, err := credentials.Open(path, empty, known.add)
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	return &Credentials{file}, nil
}

// PasswordLine makes the line of a user who logs in with a password, of ten characters at the least and 72 bytes at
// the most.
func PasswordLine(user User, plain string) (string, error) {
	if err := validateUser(user); err != nil {
		return "", err
	}
	hash, err := credentials.HashPassword(plain)
	if err != nil {
		return "", fmt.Errorf("dashboard: %w", err)
	}
	return fmt.Sprintf("password %s %s %s", user.Name, user.Role, hash), nil
}

// NewToken makes a random bearer token and the line that lets its owner in. The token itself is kept nowhere.
func NewToken(user User) (token, fileLine string, err error) {
	if err := validateUser(user); err != nil {
		return "", "", err
	}
	token = credentials.NewToken()
	return token, fmt.Sprintf("token %s %s %s", user.Name, user.Role, credentials.SumOf(token)), nil
}

func validateUser(user User) error {
	if err := credentials.CheckName(user.Name); err != nil {
		return fmt.Errorf("dashboard: %w", err)
	}
	if user.Role != Viewer && user.Role != Operator {
		return errors.New("dashboard: a role is viewer or operator")
	}
	return nil
}

// password returns the user of that name, if plain is their password. It takes as long for a name that nobody has.
func (c *Credentials) password(name, plain string) (User, bool) {
	found := c.file.Current().passwords[name]
	return found.user, found.hash.Is(plain)
}

// user returns the user of that name as the file says now: whoever was removed from it is not let in any longer.
func (c *Credentials) user(name string) (User, bool) {
	found, ok := c.file.Current().passwords[name]
	return found.user, ok
}

// token returns whose token it is.
func (c *Credentials) token(token string) (User, bool) {
	user, ok := c.file.Current().tokens[credentials.SumOf(token)]
	return user, ok
}

// add reads a line.
func (k known) add(words []string) error {
	if len(words) != 4 {
		return errors.New("not of the form: password|token NAME viewer|operator HASH")
	}
	role, err := ParseRole(words[2])
	if err != nil {
		return err
	}
	user := User{Name: words[1], Role: role}
	switch words[0] {
	case "password":
		hash, err := credentials.ParsePassword(words[3])
		if err != nil {
			return fmt.Errorf("the hash of %s: %w", user.Name, err)
		}
		if _, twice := k.passwords[user.Name]; twice {
			return fmt.Errorf("%s has a password already", user.Name)
		}
		k.passwords[user.Name] = password{user, hash}
	case "token":
		sum, err := credentials.ParseSum(words[3])
		if err != nil {
			return fmt.Errorf("the hash of %s: %w", user.Name, err)
		}
		user.Bearer = true
		k.tokens[sum] = user
	default:
		return fmt.Errorf("%q is neither password nor token", words[0])
	}
	return nil
}
