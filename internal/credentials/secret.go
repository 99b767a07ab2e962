package credentials

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/navvy-go/navvy/internal/secondfactor"
)

const (
	passwordShort = 10 // characters at the least
	nameLong      = 100
	secretPrefix  = "navvy_" // people and secret scanners know a secret by it
	randomBytes   = 32
)

// PasswordLine returns the line of a person who logs in with a password, of ten characters at the least, and none of
// those that everybody tries first. The grant is a role of the monitor, or empty.
func PasswordLine(name, grant, plain string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	if len([]rune(plain)) < passwordShort {
		return "", fmt.Errorf("credentials: a password needs %d characters at the least", passwordShort)
	}
	if len(plain) > PasswordMost {
		return "", fmt.Errorf("credentials: a password has %d bytes at the most", PasswordMost)
	}
	if common(plain, name) {
		return "", errors.New("credentials: this password is among those that are tried first: choose another one")
	}
	hash, err := hashPassword(plain)
	if err != nil {
		return "", fmt.Errorf("credentials: hash the password: %w", err)
	}
	return line(Password, name, grant, hash), nil
}

// NewTOTP makes the second factor of a person who logs in with a password, its recovery codes, and the line that asks
// for it from then on. The line has the secret that the person's app shares; the recovery codes are kept nowhere.
func NewTOTP(name string) (fileLine string, factor *secondfactor.Factor, recovery []string, err error) {
	if err := checkName(name); err != nil {
		return "", nil, nil, err
	}
	factor, recovery = secondfactor.New()
	return line(TOTP, name, "", factor.String()), factor, recovery, nil
}

// NewSecret makes a random token or key of 256 bits, and the line that lets its owner in. The secret itself is kept
// nowhere.
func NewSecret(kind Kind, name, grant string) (secret, fileLine string, err error) {
	if err := checkName(name); err != nil {
		return "", "", err
	}
	secret = Random()
	return secret, line(kind, name, grant, sumOf(secret).String()), nil
}

// Random makes a secret of 256 random bits.
func Random() string {
	var random [randomBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	return secretPrefix + base64.RawURLEncoding.EncodeToString(random[:])
}

// SumOf returns the SHA-256 of a secret, in hex. It returns false for what [Random] cannot have made.
func SumOf(secret string) (string, bool) {
	text, ok := strings.CutPrefix(secret, secretPrefix)
	if !ok || len(text) != base64.RawURLEncoding.EncodedLen(randomBytes) {
		return "", false
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(text); err != nil {
		return "", false
	}
	return sumOf(secret).String(), true
}

func line(kind Kind, name, grant, hash string) string {
	return strings.Join(strings.Fields(fmt.Sprintln(kind, name, grant, hash)), " ") // without an empty grant
}

// checkName refuses a name that could not stand in a file.
func checkName(name string) error {
	if name == "" || strings.ContainsAny(name, " \t\r\n") || len(name) > nameLong {
		return fmt.Errorf("credentials: %q is no name: it needs 1 to %d characters without spaces", name, nameLong)
	}
	return nil
}

// sum is what stands for a token or key in a file: its SHA-256. A secret is random and long, so it needs no slow hash.
type sum [sha256.Size]byte

// String is the sum in hex.
func (s sum) String() string { return hex.EncodeToString(s[:]) }

func sumOf(secret string) sum { return sha256.Sum256([]byte(secret)) }

// parseSum reads what String writes.
func parseSum(text string) (sum, error) {
	read, err := hex.DecodeString(text)
	if err != nil || len(read) != sha256.Size {
		return sum{}, errors.New("not a SHA-256 in hex")
	}
	return sum(read), nil
}
