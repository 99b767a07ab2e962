package ratelimit

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// AskAt runs the limiter's script as if the clock of Redis said us, in Unix microseconds.
func (l *Limiter) AskAt(ctx context.Context, key string, n, us int64) (Result, error) {
	text := strings.Replace(l.form.script.Text(), "redis.call('TIME')", "{ARGV[#ARGV - 1], ARGV[#ARGV]}", 1)
	script := &redisx.Script{Script: redis.NewScript(text)}
	at := &Limiter{rdb: l.rdb, limit: l.limit, options: l.options, args: l.args, form: form{l.form.prefix, script}}
	name, more := at.form.prefix+key, []any{us / 1e6, us % 1e6}
	if l.limit.Algorithm == FixedWindow {
		window := l.windowAt(us)
		name, more = l.windowKey(key, window), append([]any{window}, more...)
	}
	reply, err := at.run(ctx, name, n, more...)
	if err != nil {
		return Result{}, err
	}
	return at.result(reply), nil
}

// SetAhead makes the limiter believe that the clock of Redis is so many microseconds before ours.
func (l *Limiter) SetAhead(us int64) { l.ahead.Store(us) }
