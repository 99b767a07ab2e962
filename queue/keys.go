package queue

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// DefaultNamespace begins every key that is not a raw stream's.
const DefaultNamespace = "navvy"

// DefaultGroup is the consumer group of a queue unless a raw stream names another.
const DefaultGroup = "workers"

const maxNameLen = 128

// keys builds every Redis key of one queue. They share one hash tag, so that a script, a MULTI and a blocking read
// touch one slot of a cluster. docs/keys.md lists them, and a test holds the list against a running system.
type keys struct {
	stream    string // the jobs
	streamArg any    // the same, ready to be a command's argument
	prefix    string // of every companion
}

// queueKeys returns the keys of a navvy queue.
func queueKeys(namespace, queue string) keys {
	stream := namespace + ":{" + queue + "}"
	return keys{stream: stream, streamArg: stream, prefix: stream + ":"}
}

// rawKeys returns the keys of a stream that others write: the stream under its own name, its companions beside it in
// the same slot.
func rawKeys(stream string) keys {
	if hasHashTag(stream) {
		return keys{stream: stream, streamArg: stream, prefix: stream + ":"}
	}
	return keys{stream: stream, streamArg: stream, prefix: "{" + stream + "}:"}
}

// hasHashTag tells whether Redis Cluster hashes only a part of the key: what stands between the first { and the
// next }, if that is not empty.
func hasHashTag(key string) bool {
	open := strings.IndexByte(key, '{')
	return open >= 0 && strings.IndexByte(key[open+1:], '}') > 0
}

func (k keys) delayed() string               { return k.prefix + "delayed" }
func (k keys) retrying() string              { return k.prefix + "retrying" }
func (k keys) bodies() string                { return k.prefix + "bodies" }
func (k keys) dead() string                  { return k.prefix + "dead" }
func (k keys) deadIDs() string               { return k.prefix + "dead:ids" }
func (k keys) workers() string               { return k.prefix + "workers" }
func (k keys) worker(consumer string) string { return k.prefix + "worker:" + consumer }
func (k keys) caretaker() string             { return k.prefix + "caretaker" }
func (k keys) crashed() string               { return k.prefix + "crashed" }
func (k keys) paused() string                { return k.prefix + "paused" }
func (k keys) cancelled() string             { return k.prefix + "cancelled" }
func (k keys) totals() string                { return k.prefix + "stats" }
func (k keys) job(id string) string          { return k.prefix + "job:" + id }
func (k keys) unique(key string) string      { return k.prefix + "unique:" + key }
func (k keys) idMarker(id string) string     { return k.prefix + "id:" + id }

// metrics counts what workers did since the queue was created, kind by kind.
func (k keys) metrics() string { return k.prefix + "metrics" }

func (k keys) hour(at time.Time) string {
	return k.prefix + "stats:h:" + strconv.FormatInt(at.Unix()/3600, 10)
}

func (k keys) minute(at time.Time) string {
	return k.prefix + "stats:" + strconv.FormatInt(at.Unix()/60, 10)
}

// registryKey is the one key of a namespace that belongs to no queue: which queues exist, and how each is bound.
func registryKey(namespace string) string { return namespace + ":queues" }

func validateNamespace(namespace string) error {
	if namespace == "" || strings.ContainsAny(namespace, "{} \t\r\n") {
		return fmt.Errorf("namespace %q: must not be empty or contain braces or spaces", namespace)
	}
	return nil
}

func validateQueue(name string) error {
	if err := validateName(name); err != nil {
		return fmt.Errorf("queue name %q: %w", name, err)
	}
	if strings.ContainsAny(name, "{}") {
		return fmt.Errorf("queue name %q: must not contain braces", name)
	}
	return nil
}

func validateKind(kind string) error {
	if err := validateName(kind); err != nil {
		return fmt.Errorf("kind %q: %w", kind, err)
	}
	return nil
}

// validateName refuses what would make keys, entries or log lines ambiguous.
func validateName(name string) error {
	switch {
	case name == "":
		return errors.New("must not be empty")
	case len(name) > maxNameLen:
		return fmt.Errorf("must not be longer than %d bytes", maxNameLen)
	}
	for _, r := range name {
		if r <= ' ' || r == 0x7f {
			return errors.New("must not contain spaces or control characters")
		}
	}
	return nil
}
