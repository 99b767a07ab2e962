package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/redisurl"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

const connectTimeout = 4 * time.Second

// Redis returns a client of the Redis that --redis names, after it has answered. The caller closes it.
func Redis(c *cli.Context) (redis.UniversalClient, error) {
	rawURL := c.String("redis")
	rdb, err := redisurl.Open(rawURL)
	if err != nil {
		return nil, Usage("--redis or REDIS_URL: %w", err)
	}
	ctx, cancel := context.WithTimeout(c.Context, connectTimeout)
	defer cancel()
	if err := rdb.Ping(ctx).Err(); err != nil {
		_ = rdb.Close()
		return nil, explain(redisurl.Redact(rawURL), err)
	}
	return rdb, nil
}

// explain says why Redis is of no use, and what to do about it. The server's own words are not repeated where they may
// hold a password.
func explain(address string, err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, "WRONGPASS"), strings.Contains(text, "NOAUTH"), strings.Contains(text, "ERR AUTH"):
		return fmt.Errorf("redis at %s refuses the user name or password; correct --redis or REDIS_URL", address)
	case strings.Contains(text, "NOPERM"):
		return fmt.Errorf("redis at %s refuses this user's commands; give it the permission or name another user",
			address)
	case strings.Contains(text, "LOADING"):
		return fmt.Errorf("redis at %s is still loading its data; try again in a moment", address)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted: %w", err)
	default:
		return fmt.Errorf("cannot reach redis at %s: %s; start it, or name another with --redis or REDIS_URL",
			address, reason(err))
	}
}

func reason(err error) string {
	var network *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF):
		return "it closed the connection"
	case errors.As(err, &network):
		return network.Err.Error()
	default:
		return err.Error()
	}
}

// Rejected marks what a client refused before it sent anything as wrong usage: a bad name, delay, or data too large.
// What the connection or Redis itself caused stays a failure.
func Rejected(err error) error {
	if errors.Is(err, queue.ErrInvalid) || errors.Is(err, queue.ErrTooLarge) {
		return AsUsage(err)
	}
	return err
}

// Inspector returns an inspector of the namespace, and the client below it, which the caller closes.
func Inspector(c *cli.Context) (*inspect.Inspector, redis.UniversalClient, error) {
	rdb, err := Redis(c)
	if err != nil {
		return nil, nil, err
	}
	inspector, err := inspect.New(rdb, inspect.Config{Namespace: c.String("namespace")})
	if err != nil {
		_ = rdb.Close()
		return nil, nil, AsUsage(err)
	}
	return inspector, rdb, nil
}
