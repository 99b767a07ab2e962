package httpserver

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/navvy-go/navvy/internal/problem"
)

// CheckHost refuses, with 421, requests for a host that is not this server: a page whose name its owner has pointed at
// this machine (DNS rebinding) would be of the same origin as the server's own. Hosts are the names that it is reached
// by, without a port; the loopback's, and the address that a request came to, always are. The state of health is for
// every host: it says nothing, and probes ask by names of their own.
func CheckHost(hosts []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		health := r.Method == http.MethodGet && (r.URL.Path == "/healthz" || r.URL.Path == "/readyz")
		if health || isHost(r, hosts) {
			next.ServeHTTP(w, r)
			return
		}
		_ = problem.ForStatus(http.StatusMisdirectedRequest,
			"This server is not known by the name that the request has as its host. If it should be, start it with --host.",
		).Write(w)
	})
}

func isHost(r *http.Request, hosts []string) bool {
	name := hostName(r.Host)
	if IsLoopbackHost(r.Host) || slices.ContainsFunc(hosts, func(host string) bool { return hostName(host) == name }) {
		return true
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return local != nil && local.IP.Equal(net.ParseIP(name))
}

// IsLoopbackHost reports whether a Host header, with or without a port, names this machine's loopback.
func IsLoopbackHost(host string) bool {
	name := hostName(host)
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// hostName is the name or address in a Host header.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}
