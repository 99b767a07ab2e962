package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue"
)

// withClient connects, calls do with a client of the namespace, and closes what it opened.
func withClient(c *cli.Context, do func(client *queue.Client) error) error {
	rdb, err := command.Redis(c)
	if err != nil {
		return err
	}
	defer rdb.Close()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: c.String("namespace")})
	if err != nil {
		return command.AsUsage(err)
	}
	return errors.Join(do(client), client.Close())
}
