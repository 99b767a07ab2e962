package httpserver_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/navvy-go/navvy/internal/httpserver"
)

func TestOnlyTheServersOwnHostsAreServed(t *testing.T) {
	t.Parallel()
	handler := httpserver.CheckHost([]string{"monitor.example.com", "10.1.2.3"},
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	local := context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7)}))
	for host, want := range map[string]int{
		"localhost": 204, "LOCALHOST:8090": 204, "127.0.0.1:80": 204, "127.8.8.8": 204, "[::1]:8090": 204, "[::1]": 204,
		"monitor.example.com": 204, "Monitor.Example.com.:443": 204, "10.1.2.3:80": 204, "192.0.2.7:8090": 204,
		"evil.example": 421, "evil.example:8090": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421,
		"x.monitor.example.com": 421, "192.0.2.8": 421, "": 421, "[::ffff:192.0.2.8]": 421, "0.0.0.0": 421,
		"monitor.example.com@evil.example": 421, "evil.example#localhost": 421,
	} {
		for path, want := range map[string]int{
			"/": want, "/queues": want, "/healthz": 204, "/readyz": 204, "//healthz": want,
		} {
			r := httptest.NewRequestWithContext(local, http.MethodGet, "http://x"+path, nil)
			r.Host = host
			w := httptest.NewRecorder()
			if handler.ServeHTTP(w, r); w.Code != want {
				t.Errorf("%s of host %q: status %d, want %d", path, host, w.Code, want)
			}
		}
	}
	posted := httptest.NewRequestWithContext(local, http.MethodPost, "http://evil.example/healthz", nil)
	w := httptest.NewRecorder()
	if handler.ServeHTTP(w, posted); w.Code != http.StatusMisdirectedRequest {
		t.Errorf("a POST to the state of health: status %d", w.Code)
	}
}
