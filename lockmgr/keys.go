package lockmgr

import (
	"fmt"
	"strconv"
	"strings"
)

// Prefixes of the keys. That of the lock is shared with programs that know nothing of this package.
const (
	lockPrefix      = "lock:"
	semaphorePrefix = "semaphore:"
	rwPrefix        = "rwlock:"
	oncePrefix      = "once:"
)

// companion names a key that goes with another and is in its slot of a cluster. It begins with a brace, so it is
// nobody's own key.
func companion(key, role string) string {
	if tag := hashTag(key); tag != "" {
		return "{" + tag + "}:" + key + ":" + role
	}
	return "{" + key + "}:" + role
}

// hashTag is the part of the key that alone decides its slot, or "" if the whole key does.
func hashTag(key string) string {
	_, rest, _ := strings.Cut(key, "{")
	tag, _, closed := strings.Cut(rest, "}")
	if !closed {
		return ""
	}
	return tag
}

// MaxName is the longest name of a lock, a semaphore or an idempotency key, in bytes.
const MaxName = 1024

// quote gives a name to an error message, which a long name must not fill.
func quote(name string) string {
	if len(name) > 64 {
		return fmt.Sprintf("%.64q…", name)
	}
	return strconv.Quote(name)
}

// checkName refuses what no key can be made of. A name with a } and no hash tag could have no companions in its slot.
func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: name must not be empty", ErrInvalid)
	case len(name) > MaxName:
		return fmt.Errorf("%w: name has %d bytes, at most %d", ErrInvalid, len(name), MaxName)
	case strings.Contains(name, "}") && hashTag(name) == "":
		return fmt.Errorf("%w: name has a } that closes no {tag}", ErrInvalid)
	}
	return nil
}
