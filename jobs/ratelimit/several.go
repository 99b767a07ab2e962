package ratelimit

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// MaxPolicies is how many limits may be taken from together.
const MaxPolicies = 8

// Policy is one of several limits, with a name of its own: lower-case letters, digits, - and _, 64 at the most. It is
// part of the limit's key, and what HTTP clients are shown.
type Policy struct {
	Name  string
	Limit Limit
}

var policyName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// Several are limits on the same thing, such as ten a second and a hundred an hour. A call is taken from all of them in
// one atomic step, or from none: what one limit refuses costs nothing under the others. It is safe for concurrent use
// and needs no closing.
//
// The calls of a key are kept apart from those of a [Limiter]: gcra:{<key>}:<policy>, and so on.
type Several struct {
	limiters []*Limiter
	names    []string
	options  Options
}

// NewSeveral returns a limiter with 1 to [MaxPolicies] limits, or [ErrInvalid]. The timeout holds as with [New].
func NewSeveral(rdb redis.UniversalClient, options Options, policies ...Policy) (*Several, error) {
	if len(policies) == 0 || len(policies) > MaxPolicies {
		return nil, fmt.Errorf("ratelimit: %w: %d limits, need 1 to %d", ErrInvalid, len(policies), MaxPolicies)
	}
	s := &Several{}
	seen := map[string]bool{}
	for _, policy := range policies {
		if !policyName.MatchString(policy.Name) || seen[policy.Name] {
			return nil, fmt.Errorf("ratelimit: %w: policy %.70q, need different names of 1 to 64 of a-z, 0-9, - and _",
				ErrInvalid, policy.Name)
		}
		seen[policy.Name] = true
		limiter, err := New(rdb, policy.Limit, options)
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", policy.Name, err)
		}
		s.limiters, s.names = append(s.limiters, limiter), append(s.names, policy.Name)
	}
	s.options = s.limiters[0].options
	return s, nil
}

// Decision is what became of a call under several limits.
type Decision struct {
	Allowed    bool          // by all of them
	RetryAfter time.Duration // until all would allow it if nobody else comes; 0 if it was allowed
	Degraded   bool          // Redis did not decide: Options.FailOpen did
	Results    []Result      // one for each policy, in their order
}

// Allow takes one call from every limit, or none from any.
func (s *Several) Allow(ctx context.Context, key string) (Decision, error) {
	return s.AllowN(ctx, key, 1)
}

// Peek returns what would become of one call, and takes none.
func (s *Several) Peek(ctx context.Context, key string) (Decision, error) {
	return s.AllowN(ctx, key, 0)
}

// AllowN takes n calls from every limit, or none from any; 0 is [Several.Peek]. Errors are those of [Limiter.AllowN]. A
// key with a } and without a {tag} is [ErrInvalid] as well.
func (s *Several) AllowN(ctx context.Context, key string, n int64) (Decision, error) {
	if err := s.check(key, n); err != nil {
		return Decision{}, err
	}
	results, err := s.decide(ctx, key, n)
	switch {
	case ctx.Err() != nil && err != nil:
		return Decision{}, fmt.Errorf("ratelimit: %w", err)
	case err != nil && s.options.FailOpen:
		return Decision{Allowed: true, Degraded: true}, nil
	case err != nil:
		return Decision{}, fmt.Errorf("ratelimit: %w: %w", ErrUnavailable, err)
	}
	d := Decision{Allowed: true, Results: results}
	for _, result := range results {
		d.Allowed = d.Allowed && result.Allowed
		d.RetryAfter = max(d.RetryAfter, result.RetryAfter)
	}
	return d, nil
}

// Reset forgets the calls of a key under every limit. It waits for Redis as long as ctx allows.
func (s *Several) Reset(ctx context.Context, key string) error {
	if err := s.check(key, 0); err != nil {
		return err
	}
	for i, limiter := range s.limiters {
		if err := limiter.Reset(ctx, redisx.Companion(key, s.names[i])); err != nil {
			return err
		}
	}
	return nil
}

func (s *Several) check(key string, n int64) error {
	if strings.Contains(key, "}") && redisx.HashTag(key) == "" {
		return fmt.Errorf("ratelimit: %w: key %.70q has a } that closes no {tag}", ErrInvalid, key)
	}
	for i, limiter := range s.limiters {
		name := key
		if name != "" {
			name = redisx.Companion(key, s.names[i])
		}
		if err := limiter.check(name, n); err != nil {
			return err
		}
	}
	return nil
}

// decide asks Redis, once more if the window of a fixed one was another than we believed.
func (s *Several) decide(ctx context.Context, key string, n int64) ([]Result, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	for range windowTries {
		reply, err := s.ask(ctx, key, n)
		if err != nil {
			return nil, err
		}
		results, another := make([]Result, len(s.limiters)), false
		for i, limiter := range s.limiters {
			numbers := reply[replySize*i : replySize*(i+1)]
			if numbers[0] == anotherWindow {
				limiter.ahead.Store(numbers[4] - time.Now().UnixMicro())
				another = true
			}
			results[i] = limiter.result(numbers)
		}
		if !another {
			return results, nil
		}
	}
	return nil, errNoWindow
}

func (s *Several) ask(ctx context.Context, key string, n int64) ([]int64, error) {
	keys, args := make([]string, len(s.limiters)), []any{n}
	for i, limiter := range s.limiters {
		companion := redisx.Companion(key, s.names[i])
		keys[i] = limiter.form.prefix + companion
		own := append([]any{int(limiter.limit.Algorithm)}, limiter.args...)
		if limiter.limit.Algorithm == FixedWindow {
			window := limiter.windowAt(time.Now().UnixMicro() + limiter.ahead.Load())
			keys[i], own = limiter.windowKey(companion, window), append(own, window)
		}
		for len(own) < 4 {
			own = append(own, "")
		}
		args = append(args, own...)
	}
	reply, err := severalScript.Run(ctx, s.limiters[0].rdb, keys, args...).Int64Slice()
	if err == nil && len(reply) != replySize*len(keys) {
		err = fmt.Errorf("%d numbers in the reply, want %d", len(reply), replySize*len(keys))
	}
	return reply, err
}
