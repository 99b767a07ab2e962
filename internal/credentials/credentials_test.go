package credentials

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	plain = "correct horse"
	cheap = "$2a$04$nyg/SET.KaVpHsZHN1z2F.b21PYIPPwhdJKrgcLseajuTFZ2uew.y" // of plain
)

// grantOf takes any grant but "admin" of people and tokens; keys are another program's.
func grantOf(kind Kind, text string) (string, bool, error) {
	if text == "admin" {
		return "", false, errors.New("no such role")
	}
	return text, kind != Key, nil
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// until polls until ok holds.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within ten seconds: %s", what)
		}
	}
}

func TestFileIsReadAgainAndSurvivesMistakes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "# who\n\n  password a viewer "+cheap+"\npassword b viewer "+cheap+"\n")
	store, err := Open(path, grantOf)
	if err != nil {
		t.Fatal(err)
	}
	grant := func(name string) string {
		owner, _ := store.Person(name)
		return owner.Grant
	}
	if grant("a") != "viewer" || grant("b") != "viewer" {
		t.Fatalf("a has %q, b has %q", grant("a"), grant("b"))
	}
	write(t, path, "password a operator "+cheap+"\n")
	until(t, "a is an operator and b is gone", func() bool { return grant("a") == "operator" && grant("b") == "" })
	write(t, path, "password a other "+cheap+"\nthis is wrong\n")
	if _, err := Open(path, grantOf); err == nil || !strings.Contains(err.Error(), "line 2: not of the form") {
		t.Errorf("got %v", err)
	}
	store.looked = time.Time{} // it looks at once
	if grant("a") != "operator" {
		t.Errorf("what was read before does not count: a has %q", grant("a"))
	}
}

func TestUnsafeOrAbsentFileIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if _, err := Open(path, grantOf); err == nil {
		t.Error("an absent file was read")
	}
	write(t, path, "")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, grantOf); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("got %v", err)
	}
}

func TestLinesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ line, says string }{
		"one word":         {"password", "not of the form"},
		"too many words":   {"password a viewer " + cheap + " more", "not of the form"},
		"another kind":     {"secret a viewer " + cheap, "not of the form"},
		"a token's grant":  {"token a " + strings.Repeat("ab", 32), "not of the form"},
		"no bcrypt":        {"password a viewer plain", "the hash of a"},
		"a role alone":     {"password a viewer", "the hash of a"},
		"a short sum":      {"token a viewer " + strings.Repeat("ab", 31), "the hash of a"},
		"another's sum":    {"key a jobs:read zz", "the hash of a"},
		"a grant":          {"token a admin " + strings.Repeat("ab", 32), "no such role"},
		"a name is double": {"password a viewer " + cheap + "\npassword a viewer " + cheap, "a has a password already"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			write(t, path, test.line)
			if _, err := Open(path, grantOf); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

func TestSecretsLetTheirOwnersIn(t *testing.T) {
	t.Parallel()
	token, tokenLine, err := NewSecret(Token, "scraper", "viewer")
	if err != nil || !strings.HasPrefix(token, "navvy_") {
		t.Fatalf("token %q: %v", token, err)
	}
	key, keyLine, err := NewSecret(Key, "shop", "jobs:read")
	if err != nil || key == token {
		t.Fatalf("key %q: %v", key, err)
	}
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, tokenLine+"\n"+keyLine+"\npassword alice "+cheap)
	store, err := Open(path, grantOf)
	if err != nil {
		t.Fatal(err)
	}
	if owner, ok := store.Program(Token, token); !ok || owner != (Owner[string]{"scraper", "viewer"}) {
		t.Errorf("the token's owner is %v, %t", owner, ok)
	}
	if owner, ok := store.Login("alice", plain); !ok || owner != (Owner[string]{"alice", ""}) {
		t.Errorf("alice is %v, %t", owner, ok)
	}
	for name, ok := range map[string]func() bool{
		"a wrong password":                 func() bool { _, ok := store.Login("alice", "wrong horse"); return ok },
		"an unknown name":                  func() bool { _, ok := store.Login("bob", ""); return ok },
		"an unknown token":                 func() bool { _, ok := store.Program(Token, token+"x"); return ok },
		"a token in place of a key":        func() bool { _, ok := store.Program(Key, token); return ok },
		"the key of another program":       func() bool { _, ok := store.Program(Key, key); return ok },
		"a program that logs in":           func() bool { _, ok := store.Login("scraper", token); return ok },
		"a program's name as a person's":   func() bool { _, ok := store.Person("scraper"); return ok },
		"no password, of nobody in a file": func() bool { return passwordHash(nil).is("") },
	} {
		if ok() {
			t.Errorf("%s lets in", name)
		}
	}
}

func TestMadeLines(t *testing.T) {
	t.Parallel()
	for _, grant := range []string{"", "viewer"} {
		made, err := PasswordLine("alice", grant, plain)
		words := strings.Fields(made)
		if err != nil || !strings.HasPrefix(made, strings.TrimSpace("password alice "+grant)+" $2a$12$") {
			t.Fatalf("line %q: %v", made, err)
		}
		if hash, err := parsePassword(words[len(words)-1]); err != nil || !hash.is(plain) {
			t.Errorf("the hash of %q is not the password's: %v", made, err)
		}
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", 73)} {
		if _, err := PasswordLine("alice", "", bad); err == nil {
			t.Errorf("password %q was taken", bad)
		}
	}
	for _, bad := range []string{"", "a b", "a\nb", strings.Repeat("n", 101)} {
		if _, err := PasswordLine(bad, "", plain); err == nil {
			t.Errorf("name %q of a person was taken", bad)
		}
		if _, _, err := NewSecret(Key, bad, "jobs:read"); err == nil {
			t.Errorf("name %q of a program was taken", bad)
		}
	}
}
