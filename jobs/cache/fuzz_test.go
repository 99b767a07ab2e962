package cache

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// Whatever a handler says, what is stored is what may be: no directive comes out of a quoted string or a value, and the
// page that is read again is the one that was written, and answers the request that it was made for.
func FuzzPageHeaders(f *testing.F) {
	f.Add(`max-age=60, x="a, public, b"`, "Accept, X-A", "Tue, 24 Nov 2026 00:00:00 GMT", "12", "a,b", "body")
	f.Add(`private="X, Y", s-maxage=1`, "*", "0", "99999999999999999999", "", "\xff\x00")
	f.Add("no-store=", "Host", "", "-1", "\"", "")
	f.Add("max-age=60", "Accept", "", "\xff", "\xed", "")
	f.Fuzz(func(t *testing.T, control, vary, date, age, accept, body string) {
		h := http.Header{"Cache-Control": {control}, "Vary": {vary}, "Date": {date}, "Age": {age}, "Expires": {date}}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept", accept)
		p := &pages{cache: &Cache{config: Config{}.withDefaults()}, config: PageConfig{TTL: DefaultPageTTL}}
		ttl, stale := p.lifetime(r, http.StatusOK, h)
		if ttl < 0 || ttl > maxTTL || stale < 0 || stale > maxTTL {
			t.Fatalf("lifetime %s, stale for %s", ttl, stale)
		}
		d := parseDirectives(h)
		for name := range d {
			if strings.ContainsAny(name, ",=") {
				t.Fatalf("%q gave the directive %q", control, name)
			}
		}
		now := time.Now()
		made := newPage(http.StatusOK, http.Header{}, h, body, now).judged(r, h, stale)
		raw, err := made.encode()
		if err != nil {
			t.Fatal(err)
		}
		read, err := parsePage(raw)
		if err != nil || read.Body != body || !read.answers(r) && !slices.Contains(varyNames(h), "*") {
			t.Fatalf("came back as %+v (%v)", read, err)
		}
		if !maps.EqualFunc(read.Header, made.Header, slices.Equal) {
			t.Fatalf("the header %q came back as %q", made.Header, read.Header)
		}
		w := httptest.NewRecorder()
		read.send(w, r, "HIT", now)
		if w.Header().Get("Age") == "" {
			t.Fatal("no Age")
		}
	})
}

// What a request says of a copy that it has, and of the way it came, finds no page of another address, and a page that
// it does not have is sent.
func FuzzConditions(f *testing.F) {
	f.Add(`"a"`, "Tue, 24 Nov 2026 00:00:00 GMT", "https", `for=1;proto="https"`, "localhost:443")
	f.Add(`W/"a", "b"`, "", "http, https", ";=;proto", "LOCALHOST")
	f.Add("*", "x", "", `proto=https"`, "\xff")
	f.Fuzz(func(t *testing.T, match, since, proto, forwarded, host string) {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/a?b", nil)
		r.Host = host
		r.Header = http.Header{
			"If-None-Match": {match}, "If-Modified-Since": {since}, "X-Forwarded-Proto": {proto}, "Forwarded": {forwarded},
		}
		at := requestURL(r)
		if rest, ok := strings.CutPrefix(at, "http"); !ok || !strings.HasPrefix(strings.TrimPrefix(rest, "s"), "://") ||
			!strings.HasSuffix(at, "/a?b") {
			t.Errorf("the address %q", at)
		}
		p := page{Status: http.StatusOK, Header: http.Header{"Etag": {`"an-etag"`}}}
		if p.unchanged(r) && !strings.Contains(match, "*") && !strings.Contains(match, `"an-etag"`) {
			t.Errorf("%q is taken for the page's", match)
		}
	})
}
