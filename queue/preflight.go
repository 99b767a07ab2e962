package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// startAtOnce is of how many queues the commands travel together when a worker starts.
const startAtOnce = 50

// preflight runs, at a worker's start, every command that its scripts and loops will need, in a form that changes
// nothing, so that an ACL that forbids one is a clear error now and not a stuck queue later. HSET has no such form; it
// is what a worker registers with.
func (w *Worker) preflight(ctx context.Context, subscriptions []*subscription) error {
	pipe := w.rdb.Pipeline()
	commands := make([][]*redis.Cmd, len(subscriptions))
	for i, s := range subscriptions {
		for _, args := range s.harmless() {
			commands[i] = append(commands[i], pipe.Do(ctx, args...))
		}
	}
	_, _ = pipe.Exec(ctx) // each has its own error
	for i, s := range subscriptions {
		if err := s.judgePreflight(commands[i]); err != nil {
			return fmt.Errorf("queue %s: %w", s.queue.Name, err)
		}
	}
	return nil
}

// harmless lists the commands of a preflight.
func (s *subscription) harmless() [][]any {
	group, nobody, none := s.queue.Group, s.w.cfg.Name, "0-0"
	missing := s.queue.Prefix + "preflight" // never exists
	return [][]any{
		{"XADD", missing, "NOMKSTREAM", "*", "id", ""},
		{"XREADGROUP", "GROUP", group, nobody, "COUNT", 1, "STREAMS", missing, ">"},
		{"XACK", missing, group, none}, {"XDEL", missing, none}, {"XRANGE", missing, "-", "+", "COUNT", 1},
		{"XPENDING", missing, group}, {"XCLAIM", missing, group, nobody, 0, none, "JUSTID"},
		{"XGROUP", "DELCONSUMER", missing, group, nobody}, {"XINFO", "GROUPS", missing},
		{"ZADD", missing, "XX", 0, ""}, {"ZREM", missing, ""}, {"ZRANGE", missing, 0, 0}, {"ZSCORE", missing, ""},
		{"ZRANGEBYSCORE", missing, 0, 0}, {"HGET", missing, ""}, {"HDEL", missing, ""},
		{"HMGET", missing, ""}, {"HEXISTS", missing, ""}, {"HLEN", missing}, {"HRANDFIELD", missing}, {"XLEN", missing},
		{"HINCRBY", missing, "", "not a number"},
		{"SET", missing, "", "XX"}, {"GET", missing}, {"PTTL", missing}, {"DEL", missing}, {"EXISTS", missing},
		{"EXPIRE", missing, 1}, {"PEXPIRE", missing, 1}, {"TIME"}, {"EVAL", "return 1", 1, missing},
	}
}

// judgePreflight looks at what became of them.
func (s *subscription) judgePreflight(commands []*redis.Cmd) error {
	var denied []string
	for _, command := range commands {
		err := command.Err()
		var reply redis.Error
		switch {
		case err != nil && !errors.As(err, &reply):
			return err
		case redis.HasErrorPrefix(err, "NOPERM"):
			name, _ := command.Args()[0].(string)
			denied = append(denied, name)
		}
	}
	if len(denied) > 0 {
		return fmt.Errorf("the ACL of this Redis user forbids %s on %s*: allow them", strings.Join(denied, ", "),
			s.queue.Prefix)
	}
	return nil
}

// warnings lists what about this Redis, and the client that the worker was made with, endangers jobs. A server that
// does not disclose its settings (a managed one may forbid CONFIG) is not warned about.
func (w *Worker) warnings(ctx context.Context) []error {
	setting := func(name string) (string, bool) {
		values, err := w.rdb.ConfigGet(ctx, name).Result()
		value, ok := values[name]
		return value, err == nil && ok
	}
	var found []error
	if policy, ok := setting("maxmemory-policy"); ok && policy != "noeviction" {
		if limit, ok := setting("maxmemory"); ok && limit != "0" {
			found = append(found,
				fmt.Errorf("maxmemory-policy is %s: when Redis is full it will delete queues, and their jobs are lost; "+
					"set maxmemory-policy noeviction", policy))
		}
	}
	appendOnly, known := setting("appendonly")
	if save, ok := setting("save"); ok && known && appendOnly == "no" && save == "" {
		found = append(found, errors.New("redis keeps nothing on disk: a restart loses every job; set appendonly yes"))
	} else if known && appendOnly == "no" {
		found = append(found,
			errors.New("redis has snapshots and no append-only file: "+
				"a crash loses the jobs of some minutes; set appendonly yes"))
	}
	for _, danger := range redisx.Dangers(w.given) {
		found = append(found, fmt.Errorf("the client that this worker was made with, which handlers may use: %s", danger))
	}
	return found
}
