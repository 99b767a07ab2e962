package idemhttp

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"github.com/navvy-go/navvy/lockmgr"
)

// caller is whose keys a request's key is one of.
type caller struct {
	tenant  string // as configured; "" for none
	proof   string // of a caller without a tenant: a hash of its credentials, or ""
	cookies string // of a caller with neither
}

func (c Config) caller(r *http.Request) caller {
	if c.Tenant != nil {
		if tenant := c.Tenant(r); tenant != "" {
			return caller{tenant: tenant}
		}
	}
	if proof := credentials(r); proof != "" {
		return caller{proof: proof}
	}
	return caller{cookies: strings.Join(r.Header.Values("Cookie"), "; ")}
}

// recognised reports whether another caller would be another one.
func (c caller) recognised() bool { return c != caller{} }

// credentials is a hash of what a request proves itself with, or "" if there is nothing.
func credentials(r *http.Request) string {
	var parts [][]byte
	for _, name := range []string{"Authorization", "X-Api-Key"} {
		for _, value := range r.Header.Values(name) {
			parts = append(parts, []byte(name), []byte(value))
		}
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		parts = append(parts, []byte("certificate"), r.TLS.PeerCertificates[0].Raw)
	}
	if len(parts) == 0 {
		return ""
	}
	return digest(parts...)
}

// name is what a key is kept under. No tenant has an = in its escaped name, so no other name is like that of a hash.
func (c caller) name(key string) string {
	scope := url.QueryEscape(c.tenant)
	if c.proof != "" {
		scope = "credentials=" + c.proof
	}
	if name := "http:" + scope + ":" + key; len(name) <= lockmgr.MaxName {
		return name
	}
	sum := sha256.Sum256([]byte(c.tenant))
	return "http:sha256=" + hex.EncodeToString(sum[:]) + ":" + key
}

// fingerprint stands for the request. Cookies are in it, not in the name: where they change between two tries, the
// second is refused and not carried out again.
func (c caller) fingerprint(r *http.Request, body []byte) string {
	parts := [][]byte{[]byte(r.Method), []byte(r.URL.RequestURI()), body, []byte(c.tenant)}
	if c.cookies != "" {
		parts = append(parts, []byte(c.cookies))
	}
	return digest(parts...)
}
