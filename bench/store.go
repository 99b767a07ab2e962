package main

import (
	"context"
	"errors"
	"time"
)

// store is a private server that contestants keep their jobs in.
type store interface {
	// version names the server, e.g. "redis 7.0.15".
	version(ctx context.Context) (string, error)

	// empty deletes every job.
	empty(ctx context.Context) error

	// cpu is the processor time that the server has used since its start.
	cpu(ctx context.Context) (time.Duration, error)

	// memory is what the jobs take, in bytes.
	memory(ctx context.Context) (float64, error)

	// commands is how many the server has run, those inside of scripts included; 0 if it does not count them.
	commands(ctx context.Context) (float64, error)

	stop()
}

// errAbsent is wrapped by what says that a contestant cannot be measured on this machine.
var errAbsent = errors.New("absent")

// stores starts each server when the first contestant needs it.
type stores struct {
	redis    *redisServer
	postgres *postgresServer
}

func (s *stores) stop() {
	if s.redis != nil {
		s.redis.stop()
	}
	if s.postgres != nil {
		s.postgres.stop()
	}
}

func (s *stores) needRedis(context.Context) (store, error) {
	if s.redis == nil {
		started, err := startRedis()
		if err != nil {
			return nil, err
		}
		s.redis = started
	}
	return s.redis, nil
}

func (s *stores) needPostgres(ctx context.Context) (store, error) {
	if s.postgres == nil {
		started, err := startPostgres(ctx)
		if err != nil {
			return nil, err
		}
		s.postgres = started
	}
	return s.postgres, nil
}
