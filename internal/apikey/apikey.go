// Package apikey keeps the API keys of a namespace in Redis. Operators make and end them, on the dashboard and by
// monitor keys, and they let programs in at every gateway of the namespace at once. Redis has the SHA-256 of each key:
// the key itself is shown to whoever makes it, and kept nowhere.
//
// The keys of a gateway's file are those of package credentials.
package apikey

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/credentials"
	"github.com/navvy-go/navvy/internal/scope"
	"github.com/navvy-go/navvy/queue"
)

// Bounds of the keys of a namespace.
const (
	Most         = 1000 // keys
	LongestLife  = 3650 * day
	ShortestLife = time.Minute
	UseKept      = 400 * day // when a key was last used
)

// Errors of a [Store], besides those of Redis.
var (
	ErrInvalid  = errors.New("invalid")
	ErrExists   = errors.New("there is an API key of this name already")
	ErrTooMany  = fmt.Errorf("there are %d API keys: revoke one first", Most)
	ErrNotFound = errors.New("there is no API key of this name")
)

// Key is what is known of an API key.
type Key struct {
	Name      string        `json:"name"`
	Scopes    []scope.Scope `json:"scopes"`
	Created   time.Time     `json:"created"`
	CreatedBy string        `json:"created_by"`
	Expires   *time.Time    `json:"expires,omitempty"`  // nil for never
	LastUse   *time.Time    `json:"last_use,omitempty"` // give or take a minute; nil for never, or more than 400 days ago
}

// Expired reports whether the key has ended by itself.
func (k Key) Expired(now time.Time) bool { return k.Expires != nil && !now.Before(*k.Expires) }

// Request is what a new key shall be.
type Request struct {
	Name   string // of the program: letters, digits, dots, dashes and underscores
	Scopes []string
	Life   time.Duration // 0 for no end
	By     string        // the person
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// key is what a request asks for.
func (r Request) key(now time.Time) (Key, error) {
	scopes, err := scope.Parse(r.Scopes)
	switch {
	case !nameForm.MatchString(r.Name):
		return Key{}, fmt.Errorf("%w: name %.80q: a key's name has 1 to 64 letters, digits, dots, dashes and underscores",
			ErrInvalid, r.Name)
	case err != nil:
		return Key{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	case r.Life != 0 && (r.Life < ShortestLife || r.Life > LongestLife):
		return Key{}, fmt.Errorf("%w: it would end after %s, want a minute to ten years", ErrInvalid, r.Life)
	}
	key := Key{Name: r.Name, Scopes: scopes, Created: now.Truncate(time.Millisecond).UTC(), CreatedBy: r.By}
	if r.Life > 0 {
		end := key.Created.Add(r.Life)
		key.Expires = &end
	}
	return key, nil
}

const day = 24 * time.Hour

// ParseLife reads how long a key shall live: days such as 90d, a time span such as 12h, or never, which is 0.
func ParseLife(text string) (time.Duration, error) {
	if text == "never" {
		return 0, nil
	}
	life, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, wrong := strconv.ParseUint(days, 10, 16)
		life, err = time.Duration(n)*day, wrong
	}
	if err != nil || life < ShortestLife || life > LongestLife {
		return 0, fmt.Errorf("%w: %.40q: want days such as 90d, a time span such as 12h, or never; a minute to ten years",
			ErrInvalid, text)
	}
	return life, nil
}

// Says is what a key is, for the audit trail: "jobs:write:orders, to 2027-02-25T09:00:00Z".
func (k Key) Says() string {
	end := "for ever"
	if k.Expires != nil {
		end = "to " + k.Expires.Format(time.RFC3339)
	}
	return scope.Join(k.Scopes, " ") + ", " + end
}

// stored is a key as Redis has it.
type stored struct {
	Name      string        `json:"name"`
	Scopes    []scope.Scope `json:"scopes"`
	CreatedMS int64         `json:"created_ms"`
	CreatedBy string        `json:"created_by"`
	ExpiresMS int64         `json:"expires_ms,omitempty"`
}

func (k Key) stored() string {
	s := stored{Name: k.Name, Scopes: k.Scopes, CreatedMS: k.Created.UnixMilli(), CreatedBy: k.CreatedBy}
	if k.Expires != nil {
		s.ExpiresMS = k.Expires.UnixMilli()
	}
	text, _ := json.Marshal(s) // texts and numbers
	return string(text)
}

// parse reads what Redis has. What cannot be read is no key.
func parse(text string) (Key, error) {
	var s stored
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return Key{}, fmt.Errorf("damaged in Redis: %w", err)
	}
	k := Key{Name: s.Name, Scopes: s.Scopes, Created: time.UnixMilli(s.CreatedMS).UTC(), CreatedBy: s.CreatedBy}
	if s.ExpiresMS != 0 {
		end := time.UnixMilli(s.ExpiresMS).UTC()
		k.Expires = &end
	}
	return k, nil
}

// ID stands for a key: its SHA-256 in hex.
type ID string

// IDOf returns the ID of a key, or false for what is none by its form.
func IDOf(secret string) (ID, bool) {
	sum, ok := credentials.SumOf(secret)
	return ID(sum), ok
}

// Store is the API keys of a namespace. It is safe for concurrent use.
type Store struct {
	rdb redis.UniversalClient
	key string
}

// New returns the keys of a namespace, which defaults to [queue.DefaultNamespace]. rdb stays the caller's to close.
func New(rdb redis.UniversalClient, namespace string) *Store {
	return &Store{rdb: rdb, key: cmp.Or(namespace, queue.DefaultNamespace) + ":apikeys"}
}

func (s *Store) used(id ID) string { return s.key + ":used:" + string(id) }

// byName is the order of lists.
func byName(keys []Key) []Key {
	slices.SortFunc(keys, func(a, b Key) int { return cmp.Compare(a.Name, b.Name) })
	return keys
}
