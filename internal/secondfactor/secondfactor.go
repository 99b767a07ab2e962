// Package secondfactor is what a person proves beside a password: the code that an app shows at this time (TOTP, RFC
// 6238), or one of ten recovery codes, for when the app is lost. Each code counts once.
package secondfactor

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

const (
	step        = 30 // seconds that a code is shown
	skew        = 1  // steps before and after this one, for clocks that differ and people who type
	secretBytes = 20 // as long as the SHA-1 of it (RFC 4226, section 4, R6), which is what all apps know
	secretLeast = 16

	recoveryCodes = 10
	recoveryBytes = 15 // 120 bits: nobody guesses one from its SHA-256, so that needs no slow hash
	recoveryGroup = 4  // letters
)

// form is how codes are made: what every app takes for granted.
var form = hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}

var letters = base32.StdEncoding.WithPadding(base32.NoPadding)

// Factor is the second factor of one person.
type Factor struct {
	secret   string   // which their app shares, in base32
	recovery []string // the SHA-256 of each recovery code, in hex
}

// New makes a factor at random, and its recovery codes, which are kept nowhere.
func New() (f *Factor, recovery []string) {
	f = &Factor{secret: letters.EncodeToString(random(secretBytes))}
	for range recoveryCodes {
		code := letters.EncodeToString(random(recoveryBytes))
		f.recovery, recovery = append(f.recovery, sumOf(code)), append(recovery, grouped(code))
	}
	return f, recovery
}

func random(n int) []byte {
	bits := make([]byte, n)
	_, _ = rand.Read(bits) // never fails
	return bits
}

// grouped is a code as people type it.
func grouped(code string) string {
	var groups []string
	for group := range slices.Chunk([]byte(strings.ToLower(code)), recoveryGroup) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, "-")
}

func sumOf(code string) string {
	sum := sha256.Sum256([]byte(code))
	return hex.EncodeToString(sum[:])
}

// Parse reads what [Factor.String] writes.
func Parse(secret, recovery string) (*Factor, error) {
	if bits, err := letters.DecodeString(secret); err != nil || len(bits) < secretLeast {
		return nil, fmt.Errorf("not a secret of %d bytes or more in base32", secretLeast)
	}
	f := &Factor{secret: secret, recovery: strings.Split(recovery, ",")}
	for _, sum := range f.recovery {
		if bits, err := hex.DecodeString(sum); err != nil || len(bits) != sha256.Size || sum != strings.ToLower(sum) {
			return nil, errors.New("the recovery codes are not SHA-256 in hex, with commas")
		}
	}
	return f, nil
}

// String is the secret, and the hashes of the recovery codes, as a file of credentials has them. It is a secret.
func (f *Factor) String() string { return f.secret + " " + strings.Join(f.recovery, ",") }

// URL is what an app reads from a QR code: the secret, and the title and name that it shows it by. It is not the
// library's, which leaves an & in a title as it is, where the title would end.
func (f *Factor) URL(title, name string) (string, error) {
	if title == "" || strings.Contains(title, ":") {
		return "", fmt.Errorf("secondfactor: %q is no title for an app: want one character or more, and no colon", title)
	}
	query := url.Values{
		"secret": {f.secret}, "issuer": {title}, "algorithm": {form.Algorithm.String()}, "digits": {form.Digits.String()},
		"period": {strconv.Itoa(step)},
	}
	address := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + title + ":" + name,
		RawQuery: strings.ReplaceAll(query.Encode(), "+", "%20"), // apps take a + for itself
	}
	return address.String(), nil
}

// Proof is a code that was right. It counts once: see [Taken.Take].
type Proof struct {
	factor   string // stands for it in names of keys
	step     int64  // of a code of the app
	recovery string // the hash of a recovery code, or ""
	codes    int    // recovery codes that there are
}

// Recovery reports whether the code was a recovery code.
func (p Proof) Recovery() bool { return p.recovery != "" }

// Check returns what a code proves at this time, or false if it is wrong. Spaces and dashes in it do not count. How
// long that takes depends on the kind of code alone.
func (f *Factor) Check(code string, now time.Time) (Proof, bool) {
	code = strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
	if len(code) == form.Digits.Length() {
		return f.checkApp(code, now)
	}
	return f.checkRecovery(code)
}

func (f *Factor) checkApp(code string, now time.Time) (found Proof, ok bool) {
	this := now.Unix() / step
	for at := this - skew; at <= this+skew; at++ {
		if right, err := hotp.ValidateCustom(code, uint64(at), f.secret, form); err == nil && right {
			found, ok = Proof{factor: f.id(), step: at}, true
		}
	}
	return found, ok
}

func (f *Factor) checkRecovery(code string) (found Proof, ok bool) {
	given := []byte(sumOf(code))
	for _, sum := range f.recovery {
		if subtle.ConstantTimeCompare(given, []byte(sum)) == 1 {
			found, ok = Proof{factor: f.id(), recovery: sum, codes: len(f.recovery)}, true
		}
	}
	return found, ok
}

// id stands for the factor where others may read. Another enrolment has another one.
func (f *Factor) id() string { return sumOf("second factor " + f.secret) }
