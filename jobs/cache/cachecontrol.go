package cache

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// directives are those of Cache-Control (RFC 9111, section 5.2), names in lower case.
type directives map[string]string

// parseDirectives reads Cache-Control. Of a directive that comes twice the first counts (section 4.2.1).
func parseDirectives(h http.Header) directives {
	d := directives{}
	for _, rest := range h.Values("Cache-Control") {
		for rest != "" {
			var name, value string
			name, value, rest = nextDirective(rest)
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" && !d.has(name) {
				d[name] = value
			}
		}
	}
	if len(h.Values("Cache-Control")) == 0 && strings.Contains(strings.ToLower(h.Get("Pragma")), "no-cache") {
		d["no-cache"] = ""
	}
	return d
}

// nextDirective takes the first directive off a list. A comma within quotes does not end it.
func nextDirective(list string) (name, value, rest string) {
	end := strings.IndexAny(list, "=,")
	if end < 0 {
		return list, "", ""
	}
	if list[end] == ',' {
		return list[:end], "", list[end+1:]
	}
	name, list = list[:end], strings.TrimLeft(list[end+1:], " \t")
	if strings.HasPrefix(list, `"`) {
		value, list = unquote(list[1:])
		_, rest, _ = strings.Cut(list, ",")
		return name, value, rest
	}
	value, rest, _ = strings.Cut(list, ",")
	return name, strings.TrimSpace(value), rest
}

// unquote reads a quoted string after its opening quote (RFC 9110, section 5.6.4), and returns what follows it.
func unquote(text string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), text[i+1:]
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), ""
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
	span, _ := deltaSeconds(text)
	return span, true
}

// deltaSeconds reads a number of seconds. One that is too great for us is as great as can be (section 1.2.2).
func deltaSeconds(text string) (time.Duration, bool) {
	n, err := strconv.ParseUint(text, 10, 31)
	if errors.Is(err, strconv.ErrRange) {
		return maxTTL, true
	}
	return min(time.Duration(n)*time.Second, maxTTL), err == nil
}

// initialAge is how old a response was when it came, as a proxy says or its date does (section 4.2.3).
func initialAge(h http.Header, now time.Time) time.Duration {
	first, _, _ := strings.Cut(h.Get("Age"), ",")
	age, valid := deltaSeconds(strings.TrimSpace(first))
	if !valid {
		age = 0 // section 5.1
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		age = max(age, now.Sub(date).Truncate(time.Second))
	}
	return age
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
	case !cacheable, d.has("no-store", "private", "no-cache"), len(h.Values("Set-Cookie")) > 0,
		slices.Contains(varyNames(h), "*"), h.Get("Content-Range") != "", h.Get("Trailer") != "",
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
	if ttl -= initialAge(h, p.cache.config.Now()); ttl <= 0 {
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
