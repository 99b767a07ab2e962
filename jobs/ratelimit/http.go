package ratelimit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// DefaultPolicy names the limit to HTTP clients unless [HTTP].Policy does.
const DefaultPolicy = "default"

// HTTP says how requests are held to a limit. The zero value works.
type HTTP struct {
	Key    func(*http.Request) string // who asks; a request with an empty key is let through. Defaults to [ClientIP]
	Policy string                     // what one limit is called in RateLimit fields. Defaults to [DefaultPolicy]

	// Refuse writes the answer to a request that is not passed on, such as a problem document. All headers named at
	// [Middleware] are set. The status is 400, 429 or 503. Defaults to the body shown there.
	Refuse func(w http.ResponseWriter, r *http.Request, status int)
}

// refusal is the body of an answer that takes the handler's place.
type refusal struct {
	Error      string `json:"error"`
	RetryAfter *int64 `json:"retry_after,omitempty"` // seconds
}

// Middleware passes on the requests that the limiter allows. It answers 429 to others, and 503 if Redis did not decide
// and the limiter does not fail open; both with Retry-After and a body such as
//
//	{"error": "Rate limit exceeded", "retry_after": 17}
//
// and 400 to a key that is too long. Every answer that Redis decided on has X-RateLimit-Limit, X-RateLimit-Remaining
// and X-RateLimit-Reset (Unix seconds, by the clock of Redis, when the whole limit can be had again), and
// RateLimit-Policy and RateLimit as draft-ietf-httpapi-ratelimit-headers-10 has them. Times are rounded up to whole
// seconds.
func Middleware(limiter *Limiter, config HTTP) func(http.Handler) http.Handler {
	policy := cmp.Or(config.Policy, DefaultPolicy)
	return config.middleware(func(ctx context.Context, header http.Header, key string) (Decision, error) {
		result, err := limiter.Allow(ctx, key)
		if err == nil && !result.Degraded {
			setHeaders(header, policy, limiter.limit, result)
		}
		return Decision{Allowed: result.Allowed, RetryAfter: result.RetryAfter}, err
	})
}

// MiddlewareSeveral is [Middleware] for several limits on the same key. RateLimit-Policy and RateLimit list them all by
// their names; the X-RateLimit fields are of the one that refuses the longest or has the least left.
func MiddlewareSeveral(several *Several, config HTTP) func(http.Handler) http.Handler {
	return config.middleware(func(ctx context.Context, header http.Header, key string) (Decision, error) {
		decision, err := several.Allow(ctx, key)
		if err == nil && !decision.Degraded {
			several.setAll(header, decision)
		}
		return decision, err
	})
}

// middleware holds requests to what ask decides, which sets the headers.
func (c HTTP) middleware(
	ask func(ctx context.Context, header http.Header, key string) (Decision, error),
) func(http.Handler) http.Handler {
	if c.Key == nil {
		c.Key = ClientIP
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			key := c.Key(r)
			if key == "" {
				next.ServeHTTP(w, r)
				return
			}
			decision, err := ask(r.Context(), w.Header(), key)
			switch {
			case errors.Is(err, ErrInvalid):
				c.refuse(w, r, http.StatusBadRequest, 0)
			case err != nil:
				c.refuse(w, r, http.StatusServiceUnavailable, 1)
			case !decision.Allowed:
				c.refuse(w, r, http.StatusTooManyRequests, wholeSeconds(decision.RetryAfter))
			default:
				next.ServeHTTP(w, r)
			}
		})
	}
}

// refusals are what is wrong, by status.
var refusals = map[int]string{
	http.StatusBadRequest:         "Rate limit key is too long",
	http.StatusTooManyRequests:    "Rate limit exceeded",
	http.StatusServiceUnavailable: "Rate limit cannot be checked",
}

// refuse answers in the handler's place, with the seconds to wait if waiting helps.
func (c HTTP) refuse(w http.ResponseWriter, r *http.Request, status int, after int64) {
	body := refusal{Error: refusals[status]}
	if after > 0 {
		body.RetryAfter = &after
		w.Header().Set("Retry-After", decimal(after))
	}
	if c.Refuse != nil {
		c.Refuse(w, r, status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // nobody is left who could receive the error
}

// wholeSeconds rounds up: who waits that long has waited long enough.
func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
