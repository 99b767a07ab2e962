package credentials

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	passwordCost  = 12
	passwordShort = 10 // characters at the least
	nameLong      = 100
)

// TokenPrefix begins every token, so that people and secret scanners know one when they see it.
const TokenPrefix = "navvy_"

// Sum is what stands for a token in a file: its SHA-256. A token is random and long, so it needs no slow hash.
type Sum [sha256.Size]byte

// String is the sum in hex.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// SumOf is the sum of a token.
func SumOf(token string) Sum { return sha256.Sum256([]byte(token)) }

// ParseSum reads what String writes.
func ParseSum(text string) (Sum, error) {
	sum, err := hex.DecodeString(text)
	if err != nil || len(sum) != sha256.Size {
		return Sum{}, errors.New("not a SHA-256 in hex")
	}
	return Sum(sum), nil
}

// NewToken makes a random token of 256 bits.
func NewToken() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	return TokenPrefix + base64.RawURLEncoding.EncodeToString(random[:])
}

// Password is the bcrypt hash of a password.
type Password []byte

// HashPassword hashes a password of ten characters at the least and 72 bytes at the most.
func HashPassword(plain string) (Password, error) {
	if len([]rune(plain)) < passwordShort {
		return nil, fmt.Errorf("a password needs %d characters at the least", passwordShort)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(plain), passwordCost)
	if err != nil {
		return nil, fmt.Errorf("hash the password: %w", err)
	}
	return hash, nil
}

// ParsePassword reads a hash.
func ParsePassword(text string) (Password, error) {
	if _, err := bcrypt.Cost([]byte(text)); err != nil {
		return nil, err
	}
	return Password(text), nil
}

// Is reports whether plain is the password. For nil, which stands for somebody who does not exist, it returns false and
// takes as long as for others, so that the time taken reveals nothing.
func (p Password) Is(plain string) bool {
	hash := p
	if p == nil {
		hash = nobodys
	}
	return bcrypt.CompareHashAndPassword(hash, []byte(plain)) == nil && p != nil
}

// nobodys is the hash of a random password that nobody kept.
var nobodys = Password("$2a$12$yukszr/7.J71BlNaixV4leadR8eUacNaOi3Yp6OcG00La82BWMy3.")

// CheckName refuses a name that could not stand in a file.
func CheckName(name string) error {
	if name == "" || strings.ContainsAny(name, " \t\r\n") || len(name) > nameLong {
		return fmt.Errorf("%q is no name: it needs 1 to %d characters without spaces", name, nameLong)
	}
	return nil
}
