package redisx

import "strings"

// HashTag returns the part of a key that alone decides its slot of a cluster: what stands between the first { and the
// next }. It returns "" if the whole key decides, also where nothing stands between the two.
func HashTag(key string) string {
	_, rest, _ := strings.Cut(key, "{")
	tag, _, closed := strings.Cut(rest, "}")
	if !closed {
		return ""
	}
	return tag
}

// Companion names a key that goes with another one and is in its slot. The name begins with a brace, so that it is no
// other program's: {key}:role, or {tag}:key:role for a key with a hash tag. A key with a } and without a hash tag can
// have no companions.
func Companion(key, role string) string {
	if tag := HashTag(key); tag != "" {
		return "{" + tag + "}:" + key + ":" + role
	}
	return "{" + key + "}:" + role
}

// CompanionPrefix returns what the names of a stream's companions begin with, so that they are in its slot: {stream}:,
// or stream: for a stream with a hash tag, as every queue has one.
func CompanionPrefix(stream string) string {
	if HashTag(stream) != "" {
		return stream + ":"
	}
	return "{" + stream + "}:"
}
