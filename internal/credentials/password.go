package credentials

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// PasswordMost is the length of the longest password, in bytes.
const PasswordMost = 1000

const (
	passwordCost = 12
	bcryptMost   = 72 // bytes: bcrypt ignores what comes after
	prehashed    = "sha256+"
)

// passwordHash is what a file has in place of a password: its bcrypt hash or, if it is longer than what bcrypt
// distinguishes, "sha256+" and the bcrypt hash of its SHA-256.
type passwordHash string

func hashPassword(plain string) (string, error) {
	prefix := ""
	if len(plain) > bcryptMost {
		prefix, plain = prehashed, prehash(plain)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(plain), passwordCost)
	return prefix + string(hash), err
}

// prehash is in base64, because bcrypt would end at a byte that is 0.
func prehash(plain string) string {
	of := sha256.Sum256([]byte(plain))
	return base64.StdEncoding.EncodeToString(of[:])
}

func parsePassword(text string) (passwordHash, error) {
	_, err := bcrypt.Cost([]byte(strings.TrimPrefix(text, prehashed)))
	return passwordHash(text), err
}

// is reports whether plain is the password. For "", which stands for somebody who does not exist, it is false and takes
// as long as for others, so that the time taken does not show who exists. An empty password is nobody's, whatever hash
// a file has, and not worth the work.
func (h passwordHash) is(plain string) bool {
	if plain == "" {
		return false
	}
	hash, long := strings.CutPrefix(string(h), prehashed)
	if hash == "" {
		hash = nobodys
	}
	whole := true // no part of the password is left out
	if long {
		plain = prehash(plain)
	} else if len(plain) > bcryptMost {
		plain, whole = plain[:bcryptMost], false
	}
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(plain)) == nil && whole && h != ""
}

// nobodys is the hash of a random password that nobody kept.
const nobodys = "$2a$12$yukszr/7.J71BlNaixV4leadR8eUacNaOi3Yp6OcG00La82BWMy3."
