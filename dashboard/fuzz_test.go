package dashboard

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/queue/inspect"
)

// What hides values hides them in any JSON, and what shows data takes any bytes.
func FuzzViewsOfData(f *testing.F) {
	for _, seed := range []string{
		`{"password":"secret"}`, `{"a":[{"db/password":"secret"}]}`, `[[[[]]]]`, `"secret"`, `{`, "\xff", `{"a":1e999}`,
	} {
		f.Add([]byte(seed))
	}
	hidden, err := newMask(DefaultMask)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = pretty(data), preview(data)
		shown := hidden.apply(data)
		if json.Valid(data) && !json.Valid(shown) {
			t.Errorf("%q is shown as %q", data, shown)
		}
		name, _ := json.Marshal(string(data))
		object := []byte(`{"x":{` + string(name) + `:1,"password":"a secret value"}}`)
		if out := hidden.apply(object); bytes.Contains(out, []byte("a secret value")) {
			t.Errorf("%s is shown as %s", object, out)
		}
	})
}

// A cookie that was not signed here counts for nothing.
func FuzzCookies(f *testing.F) {
	sessions := Sessions{Key: bytes.Repeat([]byte("k"), 32)}
	for _, seed := range []string{"", "a.b", "e30.", ".", strings.Repeat("a", 5000), "e30.AAAA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := &http.Request{Header: http.Header{"Cookie": {sessions.cookie("notice") + "=" + value}}}
		if content, ok := sessions.get(r, "notice"); ok {
			t.Errorf("%q counts: %+v", value, content)
		}
	})
}

// A way back never leads to another site.
func FuzzWayBack(f *testing.F) {
	for _, seed := range []string{"/queues", "//evil.example", `/\evil.example`, "/\t/evil.example",
		"https://evil.example"} {
		f.Add(seed, "")
		f.Add(seed, "/navvy")
	}
	f.Fuzz(func(t *testing.T, next, prefix string) {
		if !prefixForm.MatchString(prefix) {
			return
		}
		back := local(next, prefix)
		if !strings.HasPrefix(back, prefix+"/") || strings.HasPrefix(back, "//") || strings.ContainsAny(back, "\\\r\n\t") {
			t.Errorf("%q leads to %q", next, back)
		}
		if parsed, err := url.Parse(back); err == nil && parsed.Host != "" {
			t.Errorf("%q leads to the host %q", next, parsed.Host)
		}
	})
}

func FuzzCursors(f *testing.F) {
	for _, seed := range []string{"", "1-2", "0:17", "-1:0", "1:99999999999999999999", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		for _, state := range []inspect.State{inspect.StateDead, inspect.StateWaiting, inspect.StateDelayed} {
			if isCursor(cursor, state) && len(cursor) > 1000 {
				t.Errorf("a cursor of %d bytes", len(cursor))
			}
		}
		if at, _, err := readScanCursor(cursor, 3); err == nil && (at < 0 || at >= 3) {
			t.Errorf("%q is of server %d", cursor, at)
		}
	})
}
