package ratelimit

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// maxInteger is the greatest that a structured field can hold (RFC 9651, section 3.3.1).
const maxInteger = 999_999_999_999_999

// integer writes an Integer of RFC 9651. What is beyond its bounds is shown as the bound.
func integer(n int64) string { return decimal(min(max(n, -maxInteger), maxInteger)) }

func setHeaders(header http.Header, policy string, limit Limit, result Result) {
	setLegacy(header, result)
	addPolicy(header, policy, limit, result)
}

func setLegacy(header http.Header, result Result) {
	header.Set("X-RateLimit-Limit", decimal(result.Limit))
	header.Set("X-RateLimit-Remaining", decimal(result.Remaining))
	reset := result.At.Add(result.ResetAfter + time.Second - 1)
	header.Set("X-RateLimit-Reset", decimal(reset.Unix()))
}

func addPolicy(header http.Header, policy string, limit Limit, result Result) {
	name := structuredString(policy)
	quota := name + ";q=" + integer(limit.Rate)
	if limit.Window%time.Second == 0 { // the draft knows whole seconds only
		quota += ";w=" + integer(int64(limit.Window/time.Second))
	}
	header.Add("RateLimit-Policy", quota)
	header.Add("RateLimit", name+";r="+integer(result.Remaining)+";t="+integer(wholeSeconds(available(result))))
}

// setAll sets the headers of several limits: the legacy ones are of that which refuses the longest, or has the least
// left.
func (s *Several) setAll(header http.Header, d Decision) {
	tightest := d.Results[0]
	for _, result := range d.Results {
		if result.RetryAfter > tightest.RetryAfter ||
			result.RetryAfter == tightest.RetryAfter && result.Remaining < tightest.Remaining {
			tightest = result
		}
	}
	setLegacy(header, tightest)
	for i, result := range d.Results {
		addPolicy(header, s.names[i], s.limiters[i].limit, result)
	}
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
