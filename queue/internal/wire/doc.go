// Package wire is what the queues of a namespace are in Redis: keys, references, the form of entries, the registry, and
// one Go function for each script. Client, worker and inspector stand on it, and know nothing else of each other.
package wire
