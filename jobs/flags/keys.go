package flags

import (
	"fmt"
	"strings"

	"github.com/navvy-go/navvy/internal/redisx"
)

// Prefixes under which everything of flags is, and nothing else: a notification of changes below them covers every
// change of a flag, whichever program made it.
const (
	prefix          = "feature:"
	companionPrefix = "{feature:"
	indexKey        = "{feature:}:flags"
)

const usersSuffix = ":users"

const (
	maxFlagBytes = 200
	maxUserBytes = 512
)

// The keys of a flag. The first two are the article's. The others begin with a brace and are in the slot of the flag,
// or, for the mark of a change to the users, in theirs.
func onKey(flag string) string      { return prefix + flag }
func usersKey(flag string) string   { return prefix + flag + usersSuffix }
func rulesKey(flag string) string   { return redisx.Companion(onKey(flag), "rules") }
func offKey(flag string) string     { return redisx.Companion(onKey(flag), "off") }
func auditKey(flag string) string   { return redisx.Companion(onKey(flag), "audit") }
func markKey(key, id string) string { return redisx.Companion(key, "applied:"+id) }

// flagOf is the flag whose value a key has a part in, or "". A trail or a mark has none.
func flagOf(key string) string {
	if rest, ok := strings.CutPrefix(key, companionPrefix); ok {
		flag, role, _ := strings.Cut(rest, "}:")
		if role == "rules" || role == "off" {
			return flag
		}
		return ""
	}
	flag, _ := strings.CutPrefix(key, prefix)
	return strings.TrimSuffix(flag, usersSuffix)
}

// checkFlag refuses names whose keys could be mistaken for each other's, or for others.
func checkFlag(flag string) error {
	switch {
	case flag == "" || len(flag) > maxFlagBytes:
		return fmt.Errorf("%w: a flag's name has 1 to %d bytes", ErrInvalid, maxFlagBytes)
	case strings.ContainsFunc(flag, func(r rune) bool { return r <= ' ' || r == '{' || r == '}' || r == 0x7f }):
		return fmt.Errorf("%w: flag %q: no braces, spaces or control characters", ErrInvalid, flag)
	case strings.HasSuffix(flag, usersSuffix):
		return fmt.Errorf("%w: flag %q: ends like the key of another flag's users", ErrInvalid, flag)
	}
	return nil
}

func checkUser(user string) error {
	if user == "" || len(user) > maxUserBytes {
		return fmt.Errorf("%w: a user's ID has 1 to %d bytes", ErrInvalid, maxUserBytes)
	}
	return nil
}
