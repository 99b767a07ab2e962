package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/navvy-go/navvy/internal/redisurl"
	"github.com/navvy-go/navvy/queue/inspect"
)

// pulseInterval is how often a running demo says what it has done.
const pulseInterval = 5 * time.Second

// pulse writes a line about all queues, again and again until ctx ends.
func (s *stage) pulse(ctx context.Context) error {
	rdb, err := redisurl.Open(s.url)
	if err != nil {
		return err
	}
	defer rdb.Close()
	inspector, err := inspect.New(rdb, inspect.Config{Namespace: os.Getenv("NAVVY_NAMESPACE")})
	if err != nil {
		return err
	}
	tick := time.NewTicker(pulseInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var now summary
		if left, err := now.countJobs(ctx, inspector); err == nil { // else the programs themselves say what is wrong
			s.out.line("demo", fmt.Sprintf("jobs: %d done, %d to do, %d retried, %d dead", now.Done, left, now.Retried,
				now.Dead))
		}
	}
}
