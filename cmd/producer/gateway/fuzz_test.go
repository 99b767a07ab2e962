package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/navvy-go/navvy/jobs/leaderboard"
)

// A body is read, or refused with a problem that shows nothing of this program.
func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		`{"kind":"debug.echo","data":1,"in":"90s","id":"j-1","unique":"u"}`, `[{"kind":"a"}]`,
		`{"event":"e","timestamp":1.5}`,
		`{"changes":[{"member":"a","by":1e308}]}`, `{`, "[[[[", "\xff", `{"kind":{}}`, `{"in":7}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var job jobRequest
		var changes struct{ Changes []leaderboard.Change }
		_, event := readEvent(body)
		for _, err := range []error{parse(body, &job), parse(body, &changes), event} {
			if err == nil {
				continue
			}
			said := problemOf(err)
			text, broken := json.Marshal(said)
			if broken != nil || said.Status < 400 || said.Status >= 500 || bytes.Contains(text, []byte("Go struct")) {
				t.Errorf("%q: %s, %v", body, text, broken)
			}
		}
		_ = isArray(body)
	})
}

// No text is a token but one that the key has signed.
func FuzzTokens(f *testing.F) {
	secret := bytes.Repeat([]byte("s"), secretShort)
	tokens, err := NewJWT(JWTConfig{Issuer: "i", Audience: "a", Secret: secret})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		"", "..", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.", "Bearer x.y.z",
		"eyJhbGciOiJIUzI1NiIsImNyaXQiOlsiYiJdfQ.eyJleHAiOjk5OTk5OTk5OTk5fQ.AAAA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		r := &http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}}
		if caller, err := tokens.Identify(r); err == nil {
			t.Errorf("%q lets in %+v", token, caller)
		}
		usable([]byte(token)) // a key of a set
	})
}

// Headers that are kept in jobs and logs have a form, or count for nothing.
func FuzzHeaders(f *testing.F) {
	f.Add("req-1", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "application/json; charset=utf-8")
	f.Add("\x1b[31m", "ff-", ";")
	f.Fuzz(func(t *testing.T, id, trace, kind string) {
		if idForm.MatchString(id) && (len(id) > 128 || strings.ContainsAny(id, " \t\r\n\x1b") || !utf8.ValidString(id)) {
			t.Errorf("the request ID %q", id)
		}
		if traceForm.MatchString(trace) && len(trace) != 55 {
			t.Errorf("the trace %q", trace)
		}
		_ = mediaType(&http.Request{Header: http.Header{"Content-Type": {kind}}})
		var span duration
		if span.UnmarshalJSON([]byte(kind)) == nil && time.Duration(span).String() == "" {
			t.Errorf("the time span %q", kind)
		}
	})
}
