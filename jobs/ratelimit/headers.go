package ratelimit

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func setHeaders(header http.Header, policy string, limit Limit, result Result) {
	header.Set("X-RateLimit-Limit", decimal(result.Limit))
	header.Set("X-RateLimit-Remaining", decimal(result.Remaining))
	reset := result.At.Add(result.ResetAfter + time.Second - 1)
	header.Set("X-RateLimit-Reset", decimal(reset.Unix()))

	name := structuredString(policy)
	quota := name + ";q=" + decimal(limit.Rate)
	if limit.Window%time.Second == 0 { // the draft knows whole seconds only
		quota += ";w=" + decimal(int64(limit.Window/time.Second))
	}
	header.Add("RateLimit-Policy", quota)
	header.Add("RateLimit", name+";r="+decimal(result.Remaining)+";t="+decimal(wholeSeconds(available(result))))
}

// available is the time in the RateLimit field: until the quota is whole again or, for a call that was refused, until
// there is any. Retry-After must not be earlier than that, and is the same.
func available(result Result) time.Duration {
	if !result.Allowed {
		return result.RetryAfter
	}
	return result.ResetAfter
}

// structuredString writes a String of RFC 9651: printable ASCII in quotes. What it cannot hold is left out.
func structuredString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		if c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		if c >= ' ' && c < 0x7f {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
