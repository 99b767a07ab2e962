package cache

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// directives are those of Cache-Control (RFC 9111, section 5.2), names in lower case.
type directives map[string]string

func parseDirectives(h http.Header) directives {
	d := directives{}
	for _, line := range h.Values("Cache-Control") {
		for part := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(part, "=")
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
				d[name] = strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
	}
	if len(h.Values("Cache-Control")) == 0 && strings.Contains(strings.ToLower(h.Get("Pragma")), "no-cache") {
		d["no-cache"] = ""
	}
	return d
}

func (d directives) has(names ...string) bool {
	for _, name := range names {
		if _, found := d[name]; found {
			return true
		}
	}
	return false
}

// seconds is a directive's time span, at most maxTTL. One that is no number counts as 0 (section 4.2.1).
func (d directives) seconds(name string) (time.Duration, bool) {
	text, found := d[name]
	if !found {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		n = 0
	}
	return min(time.Duration(n)*time.Second, maxTTL), true
}

// Statuses that may be stored, and whether without an explicit lifetime (RFC 9110, section 15.1, less 404 and 405,
// which are often a deployment's passing state, and 206, 414 and 501).
var cacheableStatus = map[int]bool{
	http.StatusOK: true, http.StatusNonAuthoritativeInfo: true, http.StatusNoContent: false,
	http.StatusMultipleChoices: false, http.StatusMovedPermanently: true, http.StatusPermanentRedirect: true,
	http.StatusNotFound: false, http.StatusGone: true,
}

// lifetime is how long a response may be used, and stale after that. 0 says that it must not be stored in a cache that
// all users share (RFC 9111, section 3).
func (p *pages) lifetime(r *http.Request, status int, h http.Header) (ttl, staleFor time.Duration) {
	d := parseDirectives(h)
	heuristic, cacheable := cacheableStatus[status]
	switch {
	case !cacheable, d.has("no-store", "private", "no-cache"), h.Get("Set-Cookie") != "",
		strings.Contains(h.Get("Vary"), "*"), h.Get("Content-Range") != "",
		r.Header.Get("Cookie") != "" && !sharedByName(d):
		return 0, 0
	}
	ttl, explicit := p.explicitLifetime(d, h)
	if !explicit {
		if !heuristic {
			return 0, 0
		}
		ttl = p.config.TTL
	}
	if age, err := strconv.ParseUint(h.Get("Age"), 10, 31); err == nil {
		ttl -= time.Duration(age) * time.Second
	}
	if ttl <= 0 {
		return 0, 0
	}
	staleFor = p.config.StaleFor
	if window, found := d.seconds("stale-while-revalidate"); found { // RFC 5861
		staleFor = window
	}
	if d.has("must-revalidate", "proxy-revalidate", "s-maxage") { // section 5.2.2.10: s-maxage implies the latter
		staleFor = 0
	}
	return ttl, staleFor
}

// explicitLifetime is section 4.2.1: s-maxage, max-age, or Expires less Date, the first that there is.
func (p *pages) explicitLifetime(d directives, h http.Header) (time.Duration, bool) {
	for _, name := range []string{"s-maxage", "max-age"} {
		if ttl, found := d.seconds(name); found {
			return ttl, true
		}
	}
	if h.Get("Expires") == "" {
		return 0, false
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return 0, true // section 5.3: in the past
	}
	from, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		from = p.cache.config.Now()
	}
	return min(expires.Sub(from), maxTTL), true
}

// sharedByName reports whether a response says that it is the same for users with and without cookies.
//
// Why: docs/decisions/features.md#the-page-cache-keeps-private-what-does-not-say-public-or-s-maxage
func sharedByName(d directives) bool { return d.has("public", "s-maxage") }
