package ratelimit

import (
	"cmp"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// DefaultPolicy names the limit to HTTP clients unless [HTTP].Policy does.
const DefaultPolicy = "default"

// HTTP says how requests are held to a limit. The zero value works.
type HTTP struct {
	Key    func(*http.Request) string // who asks; a request with an empty key is let through. Defaults to [ClientIP]
	Policy string                     // what the limit is called in RateLimit fields. Defaults to [DefaultPolicy]

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
// and 400 to a key that is too long. Every answer that Redis decided on has X-RateLimit-Limit, X-RateLimit-Remaining and
// X-RateLimit-Reset (Unix seconds, by the clock of Redis, when the whole limit can be had again), and RateLimit-Policy
// and RateLimit as draft-ietf-httpapi-ratelimit-headers-10 has them. Times are rounded up to whole seconds.
func Middleware(limiter *Limiter, config HTTP) func(http.Handler) http.Handler {
	if config.Key == nil {
		config.Key = ClientIP
	}
	policy := cmp.Or(config.Policy, DefaultPolicy)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			key := config.Key(r)
			if key == "" {
				next.ServeHTTP(w, r)
				return
			}
			result, err := limiter.Allow(r.Context(), key)
			if err == nil && !result.Degraded {
				setHeaders(w.Header(), policy, limiter.limit, result)
			}
			switch {
			case errors.Is(err, ErrInvalid):
				config.refuse(w, r, http.StatusBadRequest, 0)
			case err != nil:
				config.refuse(w, r, http.StatusServiceUnavailable, 1)
			case !result.Allowed:
				config.refuse(w, r, http.StatusTooManyRequests, wholeSeconds(result.RetryAfter))
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

// ClientIP is the address that a request comes from: an IPv4 address, or the first 64 bits of an IPv6 address, of which
// one customer has all the rest. Behind a proxy that is the proxy's: take the key from what that proxy vouches for.
func ClientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	network, _ := addr.Prefix(64) // cannot fail for IPv6
	return network.String()
}

// wholeSeconds rounds up: who waits that long has waited long enough.
func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
