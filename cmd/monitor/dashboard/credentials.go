package dashboard

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const (
	passwordCost  = 12
	passwordShort = 10              // characters at the least
	reread        = 2 * time.Second // how soon a change of the file is noticed
)

// Credentials are the passwords and tokens of a file. Each line is one of
//
//	password NAME viewer|operator BCRYPT
//	token    NAME viewer|operator SHA-256
//
// as [PasswordLine] and [NewToken] make them; empty lines and those that begin with # are skipped. A change of the file
// is noticed within two seconds; while it cannot be read or has a mistake, what was read before counts.
type Credentials struct {
	path string

	mu      sync.Mutex
	looked  time.Time
	changed time.Time
	size    int64
	known   credentials
}

type credentials struct {
	passwords map[string]password        // by name
	tokens    map[[sha256.Size]byte]User // by what the token hashes to
	nobody    []byte                     // compared with where there is no such user, so that the time taken does not tell
}

type password struct {
	user User
	hash []byte
}

// ReadCredentials reads the file at path. It refuses a file that everybody on the machine can read.
func ReadCredentials(path string) (*Credentials, error) {
	c := &Credentials{path: path}
	if err := c.load(); err != nil {
		return nil, fmt.Errorf("dashboard: credentials: %w", err)
	}
	return c, nil
}

// PasswordLine makes the line of a user who logs in with a password, of ten characters at the least and 72 bytes at
// the most.
func PasswordLine(user User, plain string) (string, error) {
	if err := validateUser(user); err != nil {
		return "", err
	}
	if len([]rune(plain)) < passwordShort {
		return "", fmt.Errorf("dashboard: a password needs %d characters at the least", passwordShort)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(plain), passwordCost)
	if err != nil {
		return "", fmt.Errorf("dashboard: hash the password: %w", err)
	}
	return fmt.Sprintf("password %s %s %s", user.Name, user.Role, hash), nil
}

// NewToken makes a random bearer token and the line that lets its owner in. The token itself is kept nowhere.
func NewToken(user User) (token, fileLine string, err error) {
	if err := validateUser(user); err != nil {
		return "", "", err
	}
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	token = "navvy_" + base64.RawURLEncoding.EncodeToString(random[:])
	sum := sha256.Sum256([]byte(token))
	return token, fmt.Sprintf("token %s %s %s", user.Name, user.Role, hex.EncodeToString(sum[:])), nil
}

func validateUser(user User) error {
	switch {
	case user.Name == "" || strings.ContainsAny(user.Name, " \t\r\n") || len(user.Name) > 100:
		return fmt.Errorf("dashboard: %q is no name: it needs 1 to 100 characters without spaces", user.Name)
	case user.Role != Viewer && user.Role != Operator:
		return errors.New("dashboard: a role is viewer or operator")
	}
	return nil
}

// password returns the user of that name, if plain is their password. It takes as long for a name that nobody has.
func (c *Credentials) password(name, plain string) (User, bool) {
	known := c.current()
	found, ok := known.passwords[name]
	hash := found.hash
	if !ok {
		hash = known.nobody
	}
	if bcrypt.CompareHashAndPassword(hash, []byte(plain)) != nil || !ok {
		return User{}, false
	}
	return found.user, true
}

// user returns the user of that name as the file says now: whoever was removed from it is not let in any longer.
func (c *Credentials) user(name string) (User, bool) {
	found, ok := c.current().passwords[name]
	return found.user, ok
}

// token returns whose token it is.
func (c *Credentials) token(token string) (User, bool) {
	user, ok := c.current().tokens[sha256.Sum256([]byte(token))]
	return user, ok
}

// current returns what the file says, and looks at it again now and then.
func (c *Credentials) current() credentials {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < reread {
		return c.known
	}
	c.looked = time.Now()
	if info, err := os.Stat(c.path); err == nil && (!info.ModTime().Equal(c.changed) || info.Size() != c.size) {
		_ = c.load() // a mistake in the file must not lock everybody out
	}
	return c.known
}

func (c *Credentials) load() error {
	file, err := os.Open(c.path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o004 != 0 {
		return fmt.Errorf("%s can be read by everybody on this machine: chmod 600 %s", c.path, c.path)
	}
	known := credentials{passwords: map[string]password{}, tokens: map[[sha256.Size]byte]User{}}
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if err := known.add(text); err != nil {
			return fmt.Errorf("%s, line %d: %w", c.path, number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	known.nobody, _ = bcrypt.GenerateFromPassword([]byte("nobody's"), known.cost())
	c.known, c.changed, c.size = known, info.ModTime(), info.Size()
	return nil
}

// cost is the highest of the passwords' hashes.
func (c credentials) cost() int {
	most := bcrypt.MinCost
	for _, p := range c.passwords {
		if cost, err := bcrypt.Cost(p.hash); err == nil {
			most = max(most, cost)
		}
	}
	return most
}

func (c credentials) add(text string) error {
	words := strings.Fields(text)
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
		if _, err := bcrypt.Cost([]byte(words[3])); err != nil {
			return fmt.Errorf("the hash of %s: %w", user.Name, err)
		}
		if _, twice := c.passwords[user.Name]; twice {
			return fmt.Errorf("%s has a password already", user.Name)
		}
		c.passwords[user.Name] = password{user, []byte(words[3])}
	case "token":
		sum, err := hex.DecodeString(words[3])
		if err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("the hash of %s is not a SHA-256 in hex", user.Name)
		}
		user.Bearer = true
		c.tokens[[sha256.Size]byte(sum)] = user
	default:
		return fmt.Errorf("%q is neither password nor token", words[0])
	}
	return nil
}
