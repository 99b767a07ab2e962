package ratelimit

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ClientIP is the address that a request comes from: an IPv4 address, or the first 64 bits of an IPv6 address, of which
// one customer has all the rest. Behind a proxy that is the proxy's: see [ClientIPBehind].
func ClientIP(r *http.Request) string { return ClientIPBehind()(r) }

// ClientIPBehind returns a function like [ClientIP], for [HTTP].Key, that looks behind proxies: of the addresses in
// X-Forwarded-For, to which each proxy adds the one that it was asked from, it takes the last that is none of the
// proxies' own. What is before it anybody may have written. Where the header ends too early, or has no address where
// one should be, it is the address of the proxy that says so.
func ClientIPBehind(proxies ...netip.Prefix) func(*http.Request) string {
	trusted := make([]netip.Prefix, 0, len(proxies))
	for _, proxy := range proxies {
		if addr := proxy.Addr(); addr.Is4In6() && proxy.Bits() >= 96 {
			proxy = netip.PrefixFrom(addr.Unmap(), proxy.Bits()-96)
		}
		trusted = append(trusted, proxy)
	}
	return func(r *http.Request) string {
		host, addr, valid := parseHost(r.RemoteAddr)
		if !valid {
			return host
		}
		said := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
		for said != "" && slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			at := strings.LastIndexByte(said, ',')
			_, next, valid := parseHost(strings.TrimSpace(said[at+1:]))
			if !valid {
				break
			}
			addr, said = next, said[:max(at, 0)]
		}
		return networkOf(addr)
	}
}

// parseHost reads an address with or without a port.
func parseHost(text string) (host string, addr netip.Addr, valid bool) {
	host, _, err := net.SplitHostPort(text)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	}
	addr, err = netip.ParseAddr(host)
	if err != nil {
		return host, addr, false
	}
	return host, addr.Unmap().WithZone(""), true
}

func networkOf(addr netip.Addr) string {
	if addr.Is4() {
		return addr.String()
	}
	network, _ := addr.Prefix(64) // cannot fail for IPv6
	return network.String()
}
