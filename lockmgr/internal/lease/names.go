package lease

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
)

// KeyPrefix begins the keys of locks. Programs that do not use this module share it.
const KeyPrefix = "lock:"

// MaxName is the longest name in bytes.
const MaxName = 1024

const ownerBytes = 16

// NewOwner names a holder: 128 random bits in hex digits, and the TTL of what it holds in ms, so that others see when
// it ends too late. crypto/rand never fails: it ends the process instead.
//
// Why: docs/decisions/locks.md#a-holders-name-ends-with-its-ttl
func NewOwner(ttl time.Duration) string {
	var owner [ownerBytes]byte
	_, _ = rand.Read(owner[:])
	return hex.EncodeToString(owner[:]) + ":" + strconv.FormatInt(ttl.Milliseconds(), 10)
}

// Believable is how long a holder of that name can have something left that would last so long: its TTL at the most.
func Believable(owner string, left time.Duration) time.Duration {
	random, text, _ := strings.Cut(strings.TrimPrefix(owner, "!"), ":")
	if ttl, err := strconv.ParseInt(text, 10, 64); err == nil && ttl > 0 && len(random) == 2*ownerBytes {
		return min(left, time.Duration(ttl)*time.Millisecond)
	}
	return left
}

// Quote returns a name for an error message, which a long name must not fill.
func Quote(name string) string {
	if len(name) > 64 {
		return fmt.Sprintf("%.64q…", name)
	}
	return strconv.Quote(name)
}

// CheckName refuses names from which no key can be made with [ErrInvalid]. A name with a } and no hash tag could have
// no companions in its slot.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: name must not be empty", ErrInvalid)
	case len(name) > MaxName:
		return fmt.Errorf("%w: name has %d bytes, at most %d", ErrInvalid, len(name), MaxName)
	case strings.Contains(name, "}") && redisx.HashTag(name) == "":
		return fmt.Errorf("%w: name has a } that closes no {tag}", ErrInvalid)
	}
	return nil
}
