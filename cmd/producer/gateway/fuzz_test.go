package gateway

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
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

// Whatever a token claims that the key has signed, its caller has a name of its own and scopes that there are.
func FuzzClaims(f *testing.F) {
	secret := bytes.Repeat([]byte("s"), secretShort)
	tokens, err := NewJWT(JWTConfig{Issuer: "i", Audience: "a", Secret: secret})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		`{}`, `{"iss":"i","aud":"a","sub":"u","exp":%,"scope":"jobs:write jobs:read:orders*"}`,
		`{"iss":"i","aud":["a","b"],"sub":"u","exp":%,"scp":["jobs:read:*","admin"]}`, `{"exp":1e999}`, `[`,
		`{"iss":"i","aud":"a","sub":"u\u0000","exp":%,"nbf":"x"}`, `{"iss":"i","aud":"a","sub":"u","exp":%,"scp":{}}`,
	} {
		f.Add("{\"alg\":\"HS256\"}", seed)
	}
	f.Add(`{"alg":"HS256","typ":"at+jwt","crit":["b64"]}`, `{}`)
	f.Add(`{"alg":"none"}`, `{}`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		payload = strings.ReplaceAll(payload, "%", strconv.FormatInt(time.Now().Add(time.Minute).Unix(), 10))
		encode := base64.RawURLEncoding.EncodeToString
		text := encode([]byte(header)) + "." + encode([]byte(payload))
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(text))
		caller, err := tokens.Identify(&http.Request{Header: http.Header{
			"Authorization": {"Bearer " + text + "." + encode(mac.Sum(nil))},
		}})
		if err != nil {
			return
		}
		if name, ok := strings.CutPrefix(caller.Name, "jwt:"); !ok || name == "" || len(name) > subjectLong {
			t.Errorf("%s %s is of %q", header, payload, caller.Name)
		}
		for _, scope := range caller.Scopes {
			if !scope.Valid() {
				t.Errorf("%s %s has the scope %q", header, payload, scope)
			}
		}
	})
}

// The lines of a stream come out as they went in, and memory is asked for before it is used.
func FuzzLines(f *testing.F) {
	f.Add([]byte("{}\n\n{\"a\":1}\r\n[]"), uint16(20))
	f.Add([]byte("0123456789012345678901234567890\nx"), uint16(17))
	f.Add([]byte("\n\n \n"), uint16(0))
	f.Fuzz(func(t *testing.T, body []byte, most uint16) {
		const small = 16 // the least that bufio takes
		grown := 0
		lines := lineReader{r: bufio.NewReaderSize(bytes.NewReader(body), small), most: int(most), grow: func(n int) error {
			grown += n
			return nil
		}}
		var want [][]byte
		for line := range bytes.Lines(body) {
			switch text := bytes.TrimSpace(line); {
			case len(line) > int(most):
				want = append(want, nil)
			case len(text) > 0:
				want = append(want, text)
			}
		}
		for n := 0; ; n++ {
			grown = 0
			got, err := lines.next()
			if err != nil {
				if !errors.Is(err, io.EOF) || n != len(want) {
					t.Errorf("%q: %d lines, want %d, %v", body, n, len(want), err)
				}
				return
			}
			if n >= len(want) || !bytes.Equal(got, want[n]) || (got == nil) != (want[n] == nil) {
				t.Fatalf("%q: line %d of %d is %q", body, n, len(want), got)
			}
			if len(got) > grown+small {
				t.Errorf("%q: a line of %d bytes, and memory for %d", body, len(got), grown)
			}
		}
	})
}
