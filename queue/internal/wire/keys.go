package wire

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

const MaxNameLen = 128

// keys builds every Redis key of one queue. They share one hash tag, so that a script, a MULTI and a blocking read
// touch one slot of a cluster. docs/keys.md lists them, and a test holds the list against a running system.
type Keys struct {
	Stream    string // the jobs
	StreamArg any    // the same, ready to be a command's argument
	Prefix    string // of every companion
}

// queueKeys returns the keys of a navvy queue.
func QueueKeys(namespace, queue string) Keys {
	stream := namespace + ":{" + queue + "}"
	return Keys{Stream: stream, StreamArg: stream, Prefix: stream + ":"}
}

// rawKeys returns the keys of a stream that others write: the stream under its own name, its companions beside it in
// the same slot.
func rawKeys(stream string) Keys {
	if hasHashTag(stream) {
		return Keys{Stream: stream, StreamArg: stream, Prefix: stream + ":"}
	}
	return Keys{Stream: stream, StreamArg: stream, Prefix: "{" + stream + "}:"}
}

// hasHashTag tells whether Redis Cluster hashes only a part of the key: what stands between the first { and the
// next }, if that is not empty.
func hasHashTag(key string) bool {
	open := strings.IndexByte(key, '{')
	return open >= 0 && strings.IndexByte(key[open+1:], '}') > 0
}

func (k Keys) Delayed() string               { return k.Prefix + "delayed" }
func (k Keys) Retrying() string              { return k.Prefix + "retrying" }
func (k Keys) Bodies() string                { return k.Prefix + "bodies" }
func (k Keys) Dead() string                  { return k.Prefix + "dead" }
func (k Keys) DeadIDs() string               { return k.Prefix + "dead:ids" }
func (k Keys) Workers() string               { return k.Prefix + "workers" }
func (k Keys) Worker(consumer string) string { return k.Prefix + "worker:" + consumer }
func (k Keys) Caretaker() string             { return k.Prefix + "caretaker" }
func (k Keys) Crashed() string               { return k.Prefix + "crashed" }
func (k Keys) Paused() string                { return k.Prefix + "paused" }
func (k Keys) Cancelled() string             { return k.Prefix + "cancelled" }
func (k Keys) Totals() string                { return k.Prefix + "stats" }
func (k Keys) Job(id string) string          { return k.Prefix + "job:" + id }
func (k Keys) Unique(key string) string      { return k.Prefix + "unique:" + key }
func (k Keys) IDMarker(id string) string     { return k.Prefix + "id:" + id }

// metrics counts what workers did since the queue was created, kind by kind.
func (k Keys) Metrics() string { return k.Prefix + "metrics" }

func (k Keys) Hour(at time.Time) string {
	return k.Prefix + "stats:h:" + strconv.FormatInt(at.Unix()/3600, 10)
}

func (k Keys) Minute(at time.Time) string {
	return k.Prefix + "stats:" + strconv.FormatInt(at.Unix()/60, 10)
}

// registryKey is the one key of a namespace that belongs to no queue: which queues exist, and how each is bound.
func RegistryKey(namespace string) string { return namespace + ":queues" }

func ValidateNamespace(namespace string) error {
	if namespace == "" || strings.ContainsAny(namespace, "{} \t\r\n") {
		return fmt.Errorf("namespace %q: must not be empty or contain braces or spaces", namespace)
	}
	return nil
}

func ValidateQueue(name string) error {
	if err := ValidateName(name); err != nil {
		return fmt.Errorf("queue name %q: %w", name, err)
	}
	if strings.ContainsAny(name, "{}") {
		return fmt.Errorf("queue name %q: must not contain braces", name)
	}
	return nil
}

func ValidateKind(kind string) error {
	if err := ValidateName(kind); err != nil {
		return fmt.Errorf("kind %q: %w", kind, err)
	}
	return nil
}

// validateName refuses what would make keys, entries or log lines ambiguous.
func ValidateName(name string) error {
	switch {
	case name == "":
		return errors.New("must not be empty")
	case len(name) > MaxNameLen:
		return fmt.Errorf("must not be longer than %d bytes", MaxNameLen)
	}
	for _, r := range name {
		if r <= ' ' || r == 0x7f {
			return errors.New("must not contain spaces or control characters")
		}
	}
	return nil
}
