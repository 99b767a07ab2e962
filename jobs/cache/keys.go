package cache

import (
	"fmt"
	"strings"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/lockmgr"
)

// Prefixes of the keys. That of pages is shared with programs that know nothing of this package.
const (
	pagePrefix = "cache:page:"
	tagPrefix  = "cache:tag:"
	lockPrefix = "cache:" // of the lock's name; lockmgr adds its own
)

// Bounds of a key in bytes: the name of its lock has one, and so has what names a page's variants.
const (
	maxKey     = lockmgr.MaxName - len(lockPrefix)
	maxPageKey = maxKey - 128
)

// PageKey is the key of the page of that URL: cache:page:<url>.
func PageKey(url string) string { return pagePrefix + url }

// The companions of a key.
func metaKey(key string) string    { return redisx.Companion(key, metaRole) }
func loadingKey(key string) string { return redisx.Companion(key, loadingRole) }

const (
	metaRole    = "meta"
	loadingRole = "loading"
)

// owner is the key that a companion goes with, or "" if the name is no companion's.
func owner(name string) string {
	rest, found := strings.CutSuffix(name, ":"+metaRole)
	if !found {
		rest, found = strings.CutSuffix(name, ":"+loadingRole)
	}
	if !found || !strings.HasPrefix(rest, "{") {
		return ""
	}
	if tagged, key, ok := strings.Cut(rest[1:], "}:"); ok && redisx.HashTag(key) == tagged {
		return key
	}
	return strings.TrimSuffix(rest[1:], "}")
}

// checkKey refuses what can have no companions in its slot, and what is too long to be meant.
func checkKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: the key is empty", ErrInvalid)
	case len(key) > maxKey:
		return fmt.Errorf("%w: the key has %d bytes, at most %d", ErrInvalid, len(key), maxKey)
	case strings.Contains(key, "}") && redisx.HashTag(key) == "":
		return fmt.Errorf("%w: key %q has a } that closes no {tag}", ErrInvalid, key)
	}
	return nil
}
