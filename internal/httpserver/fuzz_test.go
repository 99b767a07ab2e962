package httpserver

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A host is this server's only if its name is: whatever else is in the header.
func FuzzHosts(f *testing.F) {
	for _, seed := range []string{
		"", "localhost", "LOCALHOST.:80", "127.0.0.1", "[::1]:80", "::1", "evil.example", "evil.example:localhost",
		"localhost@evil.example", "127.1", "0x7f.0.0.1", "[::ffff:127.0.0.1]", "[localhost]", "a.example:x", "..",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		if !isHost(r, []string{"a.example"}) {
			return
		}
		name := hostName(host)
		four := strings.HasPrefix(name, "127.") && strings.Trim(name, "0123456789.") == ""
		six := strings.Contains(name, ":") && strings.Trim(name, "0123456789abcdef:.") == ""
		if name != "a.example" && name != "localhost" && !four && !six {
			t.Errorf("%q is taken for this server", host)
		}
	})
}
