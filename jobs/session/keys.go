package session

import (
	"crypto/rand"
	"fmt"
)

// Prefixes of the keys. That of sessions is shared with programs that know nothing of this package.
const (
	sessionPrefix = "session:"
	userPrefix    = "sessions:user:"
)

// Bounds of IDs, in bytes. The shortest has 128 bits in the densest alphabet that is taken.
const (
	minID     = 22
	maxID     = 128
	maxUserID = 512
)

func sessionKey(id string) string  { return sessionPrefix + id }
func userKey(userID string) string { return userPrefix + userID }

// newID has 130 random bits. crypto/rand never fails: it ends the process instead.
func newID() string { return rand.Text() }

// validID takes what newID makes, and the UUIDs of other programs. Anything else is not looked up.
func validID(id string) bool {
	if len(id) < minID || len(id) > maxID {
		return false
	}
	for _, c := range []byte(id) {
		digit, letter := c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'z'
		if !digit && !letter && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func checkUser(userID string) error {
	if len(userID) > maxUserID {
		return fmt.Errorf("%w: the user ID has %d bytes, at most %d", ErrInvalid, len(userID), maxUserID)
	}
	return nil
}
