package wire

import (
	"strings"
	"testing"
	"unicode"
)

// Names of queues, kinds and workers that are taken have nothing in them that breaks keys or lines.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{
		"orders", "", "a{b}", "a b", "\x00", "ö", "a\u202eb", "a\u2000", "a\u0085b", "a\u2028b", strings.Repeat("q", 5000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for what, err := range map[string]error{
			"queue": ValidateQueue(name), "kind": ValidateKind(name),
			"worker": ValidateWorker(name), "name": ValidateName(name),
		} {
			if err == nil && (name == "" || strings.ContainsFunc(name, func(r rune) bool {
				return unicode.IsSpace(r) || unicode.IsControl(r)
			})) {
				t.Errorf("%s %q is taken", what, name)
			}
			if braces := strings.ContainsAny(name, "{}"); err == nil && braces && what == "queue" {
				t.Errorf("%s %q is taken", what, name)
			}
		}
	})
}
