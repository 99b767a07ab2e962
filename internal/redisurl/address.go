package redisurl

import (
	"net/url"
	"strings"
)

// address is a URL with several hosts, which net/url does not parse.
type address struct {
	scheme string
	user   *url.Userinfo
	hosts  []string
	path   string
	query  url.Values
}

// parse takes the list of hosts out and leaves the rest to net/url.
func parse(rawURL string) (address, error) {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok {
		return address{}, malformed()
	}
	authority, tail := rest, ""
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority, tail = rest[:end], rest[end:]
	}
	user, hosts := "", authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, hosts = authority[:at+1], authority[at+1:]
	}
	first, others, _ := strings.Cut(hosts, ",")
	parsed, err := url.Parse(scheme + "://" + user + first + tail)
	if err != nil || parsed.Fragment != "" {
		return address{}, malformed()
	}
	query, err := url.ParseQuery(parsed.RawQuery)
	if err != nil {
		return address{}, malformed()
	}
	a := address{scheme: parsed.Scheme, user: parsed.User, hosts: []string{first}, path: parsed.Path, query: query}
	if others != "" {
		a.hosts = append(a.hosts, strings.Split(others, ",")...)
	}
	return a, nil
}

// withQuery writes the address in go-redis' form: one host in the URL, the others as options.
func (a address) withQuery(query url.Values) string {
	for _, host := range a.hosts[1:] {
		if !strings.Contains(host, ":") {
			host += ":6379"
		}
		query.Add("addr", host)
	}
	u := url.URL{Scheme: "redis", User: a.user, Host: a.hosts[0], Path: a.path, RawQuery: query.Encode()}
	return u.String()
}

// Redact returns rawURL for a log or an error: without user, password and options.
func Redact(rawURL string) string {
	a, err := parse(rawURL)
	if err != nil {
		return "(a URL that does not parse)"
	}
	return a.scheme + "://" + strings.Join(a.hosts, ",") + a.path
}
