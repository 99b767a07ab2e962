package cache

import (
	"net/http"
	"strings"
)

// requestURL is the URL of a request as its client wrote it, in one spelling.
func requestURL(r *http.Request) string {
	scheme := requestScheme(r)
	host := strings.TrimSuffix(strings.ToLower(r.Host), map[string]string{"http": ":80", "https": ":443"}[scheme])
	return scheme + "://" + host + r.URL.RequestURI()
}

// requestScheme takes the word of whoever forwarded the request. One that lies gets pages of its own, no others'.
func requestScheme(r *http.Request) string {
	said, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	if said == "" {
		said = forwardedProto(r.Header.Get("Forwarded"))
	}
	if r.TLS != nil || strings.EqualFold(strings.TrimSpace(said), "https") {
		return "https"
	}
	return "http"
}

// forwardedProto is what the first proxy says in the field Forwarded (RFC 7239, section 5.4).
func forwardedProto(field string) string {
	first, _, _ := strings.Cut(field, ",")
	for pair := range strings.SplitSeq(first, ";") {
		name, value, _ := strings.Cut(pair, "=")
		if strings.EqualFold(strings.TrimSpace(name), "proto") {
			return strings.Trim(value, `" `)
		}
	}
	return ""
}
