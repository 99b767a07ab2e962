package redisx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/redis/go-redis/v9"
)

type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

func TestWhichErrorsAreAReasonToLookForTheMaster(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err          error
		may, replica bool
	}{
		"none":             {},
		"a missing key":    {err: redis.Nil},
		"refused data":     {err: reply("WRONGTYPE Operation against a key")},
		"moved":            {err: reply("MOVED 1 127.0.0.1:1")},
		"a full Redis":     {err: reply("OOM command not allowed")},
		"the caller left":  {err: context.Canceled},
		"a closed client":  {err: redis.ErrClosed},
		"a replica":        {reply("READONLY You can't write against a read only replica."), true, true},
		"in a script":      {reply("ERR Error running script: @user_script:1: -READONLY You can't write"), true, true},
		"a cut-off one":    {reply("MASTERDOWN Link with MASTER is down"), true, true},
		"too few replicas": {reply("NOREPLICAS Not enough good replicas to write."), true, false},
		"a cluster's end":  {reply("CLUSTERDOWN The cluster is down"), true, false},
		"loading":          {reply("LOADING Redis is loading the dataset in memory"), true, false},
		"cut off":          {io.EOF, true, false},
		"not there":        {&net.OpError{Op: "dial", Err: errors.New("refused")}, true, false},
		"silent":           {context.DeadlineExceeded, true, false},
	} {
		errs := []error{c.err}
		if c.err != nil {
			errs = append(errs, fmt.Errorf("wrapped: %w", c.err))
		}
		for _, err := range errs {
			if may, replica := elsewhere(err); may != c.may || replica != c.replica {
				t.Errorf("%s: %v: %t, %t", name, err, may, replica)
			}
		}
	}
}
