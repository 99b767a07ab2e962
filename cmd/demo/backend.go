package main

import (
	"context"
	"os"
	"os/exec"

	"github.com/navvy-go/navvy/internal/redisurl"
)

// backend is the Redis of the demo.
type backend struct {
	url  string
	note string // what it is, for a person
	stop func() // ends it if it is ours
}

// opener starts or finds a backend; data is the directory for its data, if it keeps any.
type opener func(ctx context.Context, data string) (*backend, error)

// openBackend takes the Redis that the user named, or else the best one that this machine has.
func openBackend(ctx context.Context, data string) (*backend, error) {
	if url := os.Getenv("REDIS_URL"); url != "" {
		return &backend{url: url, note: "redis at " + redisurl.Redact(url), stop: func() {}}, nil
	}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return startPrivate(ctx, path, data)
		}
	}
	return startEmbedded()
}
