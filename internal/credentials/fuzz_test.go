package credentials

import (
	"strings"
	"testing"
)

// Whatever a file has in it, it lets in nobody but whose hash it has, and its mistakes are reported in bounds.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		"", "password alice operator $2a$04$nyg/SET.KaVpHsZHN1z2F.b21PYIPPwhdJKrgcLseajuTFZ2uew.y\n", "token a viewer 00",
		"key a jobs:read \xff", "password", "# note\n\n\r\npassword a b c d", "totp a A B", "totp a\ntotp a B",
		strings.Repeat("token a b c\n", 50),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		parse := func(_ Kind, grant string) (string, bool, error) { return grant, true, nil }
		found, problems := read("file", text, parse)
		if len(problems) > problemsMost {
			t.Errorf("%d problems", len(problems))
		}
		for name := range found.people {
			if name == "" || strings.ContainsAny(name, " \n\t") {
				t.Errorf("a person called %q", name)
			}
		}
		if owner, ok := found.programs[secretID{Key, sumOf("guess")}]; ok {
			t.Errorf("a guess lets in %+v", owner)
		}
	})
}
