package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
)

// redisServer is a private Redis, with a connection of our own for looking at it.
type redisServer struct {
	redis *redistest.Server
	admin *redis.Client
}

func startRedis() (*redisServer, error) {
	dir, err := os.MkdirTemp("", "navvy-bench-")
	if err != nil {
		return nil, err
	}
	started, err := redistest.Start(dir)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	s := &redisServer{redis: started}
	s.admin = s.client()
	return s, nil
}
func (s *redisServer) stop() {
	_ = s.admin.Close()
	s.redis.Kill()
	_ = os.RemoveAll(s.redis.Dir)
}

// client returns a client with go-redis' defaults, as an app has it.
func (s *redisServer) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: s.redis.Addr})
}

// empty deletes everything, and waits until the memory is given back.
func (s *redisServer) empty(ctx context.Context) error {
	return s.admin.Do(ctx, "FLUSHALL", "SYNC").Err()
}

// cpu is the processor time that the thread which runs the commands has used.
func (s *redisServer) cpu(ctx context.Context) (time.Duration, error) {
	user, err := s.info(ctx, "cpu", "used_cpu_user_main_thread")
	if err != nil {
		return 0, err
	}
	system, err := s.info(ctx, "cpu", "used_cpu_sys_main_thread")
	return time.Duration((user + system) * float64(time.Second)), err
}

// memory is what Redis has allocated, in bytes.
func (s *redisServer) memory(ctx context.Context) (float64, error) {
	return s.info(ctx, "memory", "used_memory")
}

func (s *redisServer) commands(ctx context.Context) (float64, error) {
	return s.info(ctx, "stats", "total_commands_processed")
}

// version names the server, e.g. "redis 7.0.15".
func (s *redisServer) version(ctx context.Context) (string, error) {
	text, err := s.admin.Info(ctx, "server").Result()
	for _, name := range []string{"valkey", "redis"} {
		if version := field(text, name+"_version"); version != "" {
			return name + " " + version, err
		}
	}
	return "unknown", err
}

func (s *redisServer) info(ctx context.Context, section, name string) (float64, error) {
	text, err := s.admin.Info(ctx, section).Result()
	if err != nil {
		return 0, err
	}
	value, err := strconv.ParseFloat(field(text, name), 64)
	if err != nil {
		return 0, fmt.Errorf("bench: INFO %s has no %s: %w", section, name, err)
	}
	return value, nil
}

func field(info, name string) string {
	for line := range strings.Lines(info) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
