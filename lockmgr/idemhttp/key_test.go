package idemhttp

import (
	"strings"
	"testing"
)

// A key that is taken is within its bounds, and is the same key when it is sent as a structured string (RFC 9651).
func FuzzParseKey(f *testing.F) {
	for _, header := range []string{
		"", `"8e03978e"`, "8e03978e", `"a\"b\\c"`, `"a";p=1`, `"a" ;p`, `"a`, `"a\`, `"a"b`, "a,b", "a b", "é", `""`,
		strings.Repeat("k", 255), strings.Repeat("k", 256), "\x00",
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		key, err := parseKey([]string{header})
		if err != nil {
			if key != "" {
				t.Errorf("%q is refused, and read as %q", header, key)
			}
			return
		}
		if key == "" || len(key) > maxKey || strings.Trim(key, printable) != "" {
			t.Errorf("%q is taken for the key %q", header, key)
		}
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`
		if again, err := parseKey([]string{quoted}); err != nil || again != key {
			t.Errorf("%q is the key %q, which sent as %s is %q, %v", header, key, quoted, again, err)
		}
	})
}

// printable is the printable ASCII.
var printable = func() string {
	var all strings.Builder
	for c := ' '; c < 0x7f; c++ {
		all.WriteRune(c)
	}
	return all.String()
}()
