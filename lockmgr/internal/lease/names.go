package lease

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/navvy-go/navvy/internal/redisx"
)

// KeyPrefix begins the keys of locks. Programs that do not use this module share it.
const KeyPrefix = "lock:"

// MaxName is the longest name in bytes.
const MaxName = 1024

const ownerBytes = 16

// NewOwner returns 128 random bits in hex digits. crypto/rand never fails: it ends the process instead.
func NewOwner() string {
	var owner [ownerBytes]byte
	_, _ = rand.Read(owner[:])
	return hex.EncodeToString(owner[:])
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
