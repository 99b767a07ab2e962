package credentials

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// opened is the store of a file with this text.
func opened(t *testing.T, text string) (store *Store[string], path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	write(t, path, text)
	store, err := Open(path, grantOf)
	if err != nil {
		t.Fatal(err)
	}
	return store, path
}

func TestASecondFactorIsItsPersons(t *testing.T) {
	t.Parallel()
	line, factor, recovery, err := NewTOTP("a")
	if err != nil {
		t.Fatal(err)
	}
	const people = "password a viewer " + cheap + "\npassword b viewer " + cheap + "\n"
	for _, text := range []string{people + line, line + "\n" + people} {
		store, _ := opened(t, text)
		a, in := store.Login("a", plain)
		if !in || a.Factor == nil || a.Factor.String() != factor.String() || !store.HasFactors() {
			t.Fatalf("a is %+v, %t", a, in)
		}
		if _, ok := a.Factor.Check(recovery[9], time.Now()); !ok {
			t.Error("a recovery code is wrong")
		}
		if b, in := store.Login("b", plain); !in || b.Factor != nil {
			t.Errorf("b is %+v, %t", b, in)
		}
	}
	if store, _ := opened(t, people); store.HasFactors() {
		t.Error("somebody has a second factor")
	}
	if _, _, _, err := NewTOTP("a b"); err == nil {
		t.Error("a name with a space was taken")
	}
}

func TestAPersonsLineChangesWithTheSecondFactor(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	first, _, _, _ := NewTOTP("a")
	second, _, _, _ := NewTOTP("a")
	for _, line := range []string{"", first, second, first + "," + strings.Repeat("ab", 32)} {
		store, _ := opened(t, "password a viewer "+cheap+"\n"+line)
		a, _ := store.Person("a")
		if seen[a.Line] || a.Line == "" {
			t.Errorf("%q is %q as one before", line, a.Line)
		}
		seen[a.Line] = true
	}
}

// Whoever has a line that may have been meant to ask for more than a password is not let in by the password.
func TestMistakesInSecondFactorsKeepTheirPersonOut(t *testing.T) {
	t.Parallel()
	good, _, _, _ := NewTOTP("a")
	other, _, _, _ := NewTOTP("a")
	words := strings.Fields(good)
	for name, test := range map[string]struct{ lines, says string }{
		"no words":         {"totp a", "not of the form"},
		"no hashes":        {"totp a " + words[2], "not of the form"},
		"a word too many":  {good + " more", "not of the form"},
		"a bad secret":     {"totp a A1 " + words[3], "a secret"},
		"bad hashes":       {"totp a " + words[2] + " ab", "SHA-256"},
		"two":              {good + "\n" + other, "already"},
		"the same twice":   {good + "\n" + good, "already"},
		"a bad and a good": {"totp a A1 " + words[3] + "\n" + good, "a secret"},
		"a good and a bad": {good + "\ntotp a", "not of the form"},
		"another keyword":  {"topt a " + words[2] + " " + words[3], "not of the form"},
		"capitals":         {"TOTP a " + words[2] + " " + words[3], "not of the form"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const people = "password a viewer " + cheap + "\npassword b viewer " + cheap + "\n"
			store, path := opened(t, people+good)
			write(t, path, test.lines+"\n"+people)
			again(store)
			_, a := store.Login("a", plain)
			_, known := store.Person("a")
			if _, b := store.Login("b", plain); a || known || !b {
				t.Errorf("a is let in: %t, and known: %t; b is let in: %t", a, known, b)
			}
			if problems := strings.Join(store.Problems(), "\n"); !strings.Contains(problems, test.says) {
				t.Errorf("says %q, want %q", problems, test.says)
			}
		})
	}
}

// It was meant for somebody, who has none.
func TestASecondFactorOfNobodyIsAMistake(t *testing.T) {
	t.Parallel()
	line, _, _, _ := NewTOTP("alcie")
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "password alice viewer "+cheap+"\n"+line)
	_, err := Open(path, grantOf)
	if err == nil || !strings.Contains(err.Error(), "the second factor of alcie: there is no password of that name") {
		t.Error(err)
	}
}
