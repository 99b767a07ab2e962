package flags

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// AppliedFor is how long a change made under an ID is remembered, so that it is not made again.
const AppliedFor = 24 * time.Hour

// What the trail of a flag keeps.
const (
	TrailLength = 1000                 // entries, about
	TrailFor    = 400 * 24 * time.Hour // after the last change
)

// Action is what a change does.
type Action string

// The actions. Those on a user override each other.
const (
	Enable      Action = "enable"       // on for everyone
	Disable     Action = "disable"      // no longer on for everyone; users and rules stay
	EnableUser  Action = "enable_user"  // on for a user
	DisableUser Action = "disable_user" // off for a user, in Go programs even while it is on for everyone
	ResetUser   Action = "reset_user"   // the user is like any other again
	SetRules    Action = "set_rules"    // replaces the rules; none removes them
	Delete      Action = "delete"       // removes the flag, its users and rules; its trail stays
)

// Change is one change of a flag.
type Change struct {
	Flag   string `json:"flag"`
	Action Action `json:"action"`
	User   string `json:"user,omitempty"`  // of the actions on a user
	Rules  *Rules `json:"rules,omitempty"` // of SetRules

	was *string // of SetRules: nothing is changed unless the rules are these, as they are kept
}

// Author is who makes a change and why, for the trail.
type Author struct {
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

const maxAuthorBytes = 2000

func (c Change) validate() error {
	if err := checkFlag(c.Flag); err != nil {
		return err
	}
	switch c.Action {
	case Enable, Disable, Delete:
		return nil
	case EnableUser, DisableUser, ResetUser:
		return checkUser(c.User)
	case SetRules:
		if c.Rules == nil {
			return nil
		}
		return c.Rules.validate()
	}
	return fmt.Errorf("%w: action %q", ErrInvalid, c.Action)
}

// argument is what the action is given: a user, rules, or nothing.
func (c Change) argument() (string, error) {
	if c.Action == SetRules && c.Rules != nil {
		return c.Rules.encode()
	}
	return c.User, nil
}

// Apply makes the changes in their order, each once for an id: a second call with the same id within [AppliedFor] makes
// only what the first one left undone. An empty id stands for one that no other call has. All changes are checked
// before the first is made; a bad one is [ErrInvalid].
//
// A change of the flag, its rules or the users it is off for is one atomic step together with its entry in the trail. The
// users it is on for are, on a cluster, in another slot, so they follow in a second step: a crash between the two
// leaves an entry for a change that was not made, never a change without an entry.
func (s *Store) Apply(ctx context.Context, id string, author Author, changes ...Change) error {
	if len(author.By)+len(author.Reason) > maxAuthorBytes {
		return fmt.Errorf("flags: %w: author and reason of more than %d bytes", ErrInvalid, maxAuthorBytes)
	}
	for _, change := range changes {
		if err := change.validate(); err != nil {
			return fmt.Errorf("flags: %w", err)
		}
	}
	if id == "" {
		id = rand.Text() // the client library may send a script twice
	}
	for i, change := range changes {
		if err := s.apply(ctx, fmt.Sprintf("%s:%d", id, i), author, change); err != nil {
			return fmt.Errorf("flags: %s %s: %w", change.Action, change.Flag, err)
		}
	}
	return nil
}

func (s *Store) apply(ctx context.Context, id string, author Author, change Change) error {
	flag := change.Flag
	if change.Action != Delete { // first, so that no flag is there and not listed
		if err := s.rdb.ZAddNX(ctx, indexKey, redis.Z{Member: flag}).Err(); err != nil {
			return err
		}
	}
	argument, err := change.argument()
	if err != nil {
		return err
	}
	before, err := s.before(ctx, change)
	if err != nil {
		return err
	}
	keys := []string{onKey(flag), rulesKey(flag), offKey(flag), auditKey(flag), markKey(onKey(flag), id)}
	args := []any{string(change.Action), argument, author.By, author.Reason, before,
		AppliedFor.Milliseconds(), TrailLength, TrailFor.Milliseconds()}
	if change.was != nil {
		args = append(args, *change.was)
	}
	reply, err := changeScript.Run(ctx, s.rdb, keys, args...).Int()
	if err == nil && reply == -1 {
		err = errRulesChanged
	}
	if err != nil {
		return err
	}
	return s.applyToUsers(ctx, id, change)
}

// before returns, for the trail, whether the flag was on for the user of a change. It is not part of the atomic step.
func (s *Store) before(ctx context.Context, change Change) (string, error) {
	if change.User == "" {
		return "", nil
	}
	on, err := s.rdb.SIsMember(ctx, usersKey(change.Flag), change.User).Result()
	if on {
		return "on", err
	}
	return "", err
}

// applyToUsers is the second step of a change.
//
// Why: docs/decisions/features.md#a-flags-trail-is-written-before-the-users-list-changes
func (s *Store) applyToUsers(ctx context.Context, id string, change Change) error {
	verb := ""
	switch change.Action {
	case EnableUser:
		verb = "SADD"
	case DisableUser, ResetUser:
		verb = "SREM"
	case Delete:
		verb = "DEL"
	default:
		return nil
	}
	key := usersKey(change.Flag)
	changed, err := usersScript.Run(ctx, s.rdb, []string{key, markKey(key, id)}, verb, change.User,
		AppliedFor.Milliseconds()).Bool()
	if err == nil && changed && change.Action == Delete { // not again, when the flag may be there again
		err = s.rdb.ZRem(ctx, indexKey, change.Flag).Err()
	}
	return err
}

// Enable turns a flag on for everyone.
func (s *Store) Enable(ctx context.Context, flag string, author Author) error {
	return s.Apply(ctx, "", author, Change{Flag: flag, Action: Enable})
}

// Disable turns a flag off, except for users it is on for by name or by its rules, as the article's does. To turn it off
// for all, use [Store.Delete].
func (s *Store) Disable(ctx context.Context, flag string, author Author) error {
	return s.Apply(ctx, "", author, Change{Flag: flag, Action: Disable})
}

// EnableForUser turns a flag on for a user.
func (s *Store) EnableForUser(ctx context.Context, flag, user string, author Author) error {
	return s.Apply(ctx, "", author, Change{Flag: flag, Action: EnableUser, User: user})
}

// DisableForUser turns a flag off for a user, even while it is on for everyone. The article's class does not know of
// such users.
func (s *Store) DisableForUser(ctx context.Context, flag, user string, author Author) error {
	return s.Apply(ctx, "", author, Change{Flag: flag, Action: DisableUser, User: user})
}

// SetRules replaces a flag's rules. The zero value removes them.
func (s *Store) SetRules(ctx context.Context, flag string, rules Rules, author Author) error {
	return s.Apply(ctx, "", author, Change{Flag: flag, Action: SetRules, Rules: &rules})
}

// Delete removes a flag with its users and rules. Its trail stays for [TrailFor].
func (s *Store) Delete(ctx context.Context, flag string, author Author) error {
	return s.Apply(ctx, "", author, Change{Flag: flag, Action: Delete})
}
