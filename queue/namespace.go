package queue

import "github.com/navvy-go/navvy/queue/internal/wire"

// DefaultNamespace begins every key that is not a raw stream's.
const DefaultNamespace = wire.DefaultNamespace

// DefaultGroup is the consumer group of a queue unless a raw stream names another.
const DefaultGroup = wire.DefaultGroup
