package ratelimit_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/navvy-go/navvy/jobs/ratelimit"
)

// Whatever a client writes into X-Forwarded-For, it is not taken for a proxy, and counts as one address: that which the
// last proxy was asked from. A client that asks without a proxy is its own address.
func FuzzForwardedFor(f *testing.F) {
	for _, seed := range []string{
		"", "10.0.0.9", "203.0.113.9, 10.0.0.2", ",", "10.0.0.1,", "[2001:db8::1]:80", "::ffff:10.0.0.1", "fe80::1%eth0",
		"unknown", "203.0.113.9:99999",
	} {
		f.Add(seed)
	}
	behind := ratelimit.ClientIPBehind(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"))
	f.Fuzz(func(t *testing.T, written string) {
		ask := func(remote string, header ...string) string {
			return behind(&http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": header}})
		}
		if got := ask("192.0.2.7:1234", written); got != "192.0.2.7" {
			t.Errorf("%q makes a client that no proxy has asked for %s", written, got)
		}
		for _, header := range [][]string{{written, "198.51.100.3"}, {written + ", 198.51.100.3"},
			{written, "198.51.100.3, 10.0.0.2"}} {
			if got := ask("10.0.0.1:80", header...); got != "198.51.100.3" {
				t.Errorf("%q makes 198.51.100.3 come from %s", written, got)
			}
		}
		got := ask("10.0.0.1:80", written)
		if addr, err := netip.ParseAddr(got); err == nil && addr.Is4() {
			return
		}
		if network, err := netip.ParsePrefix(got); err != nil || network.Bits() != 64 {
			t.Errorf("%q is taken for %q", written, got)
		}
	})
}
