package credentials

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"github.com/navvy-go/navvy/internal/testserver"
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
	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// again has a store look at its file now.
func again(s *Store[string]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked = time.Time{}
}

func TestFileIsReadAgain(t *testing.T) {
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
}

// What was let in before is let in no longer, whatever is wrong with the file; all else of it counts.
func TestMistakesNeverKeepOldRights(t *testing.T) {
	t.Parallel()
	const (
		a = "password a viewer " + cheap + "\n"
		b = "password b viewer " + cheap + "\n"
	)
	for name, test := range map[string]struct {
		change func(path string) error
		in     string // who is let in then, besides nobody
		says   string
	}{
		"a bad line":       {writing(a + "password typo\n"), "a", "line 2"},
		"a bad hash":       {writing(a + "password b viewer x\n"), "a", "line 2"},
		"two lines of one": {writing(a + b + b), "a", "neither"},
		"no file":          {os.Remove, "", "no such file"},
		"a folder": {func(p string) error {
			return errors.Join(os.Remove(p), os.Mkdir(p, 0o700))
		}, "", "not a file"},
		"a pipe":              {func(p string) error { return errors.Join(os.Remove(p), pipe(p)) }, "", "not a file"},
		"readable by others":  {func(p string) error { return os.Chmod(p, 0o604) }, "", "chmod 600"},
		"writable by others":  {func(p string) error { return os.Chmod(p, 0o602) }, "", "chmod 600"},
		"writable by a group": {func(p string) error { return os.Chmod(p, 0o620) }, "", "chmod 600"},
		"too long": {func(p string) error {
			return os.WriteFile(p, bytes.Repeat([]byte("#\n"), 1<<20/2+1), 0o600)
		}, "", "longer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			write(t, path, a+b)
			store, err := Open(path, grantOf)
			if err != nil || len(store.Problems()) > 0 {
				t.Fatal(err, store.Problems())
			}
			if err := test.change(path); err != nil {
				t.Fatal(err)
			}
			again(store)
			_, inA := store.Login("a", plain)
			_, inB := store.Person("b")
			if inA != (test.in == "a") || inB {
				t.Errorf("a is let in: %t, b: %t", inA, inB)
			}
			if problems := strings.Join(store.Problems(), "\n"); !strings.Contains(problems, test.says) {
				t.Errorf("says %q, want %q", problems, test.says)
			}
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			write(t, path, b)
			again(store)
			if _, inB := store.Login("b", plain); !inB || len(store.Problems()) > 0 {
				t.Errorf("the mended file does not count: %v", store.Problems())
			}
		})
	}
}

func writing(text string) func(path string) error {
	return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
}

func TestMistakesAreInTheLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "password a viewer "+cheap+"\n")
	store, err := Open(path, grantOf)
	if err != nil {
		t.Fatal(err)
	}
	var log testserver.Output
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { store.Watch(ctx, slog.New(slog.NewTextHandler(&log, nil))) })
	defer watching.Wait()
	defer stop()
	write(t, path, "password a viewer "+cheap+"\noops\n")
	until(t, "the line is in the log", func() bool { return log.Has("level=ERROR") && log.Has("line 2") })
	if log.Has(cheap) {
		t.Error("the log has a hash")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	until(t, "the missing file is in the log", func() bool { return log.Has("no such file") })
	write(t, path, "password a viewer "+cheap+"\n")
	until(t, "the log says that it is over", func() bool { return log.Has("count again") })
}

func TestAPersonsLineChangesWithPasswordAndRole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	seen := map[string]bool{}
	for _, line := range []string{"a viewer " + cheap, "a operator " + cheap, "a " + cheap,
		"a viewer $2a$04$QIgRCI2CDbTyuvaLcKmWXO3D.FdwFNvp9Q9nCHNEsqjhRNsPjLd4G"} {
		write(t, path, "password "+line)
		store, err := Open(path, grantOf)
		if err != nil {
			t.Fatal(err)
		}
		owner, _ := store.Person("a")
		if seen[owner.Line] || owner.Line == "" {
			t.Errorf("%q is %q as one before", line, owner.Line)
		}
		seen[owner.Line] = true
	}
}

func TestOpenRefusesAnAbsentFile(t *testing.T) {
	t.Parallel()
	if _, err := Open(filepath.Join(t.TempDir(), "file"), grantOf); err == nil {
		t.Error("an absent file was read")
	}
}

// bcrypt compares 72 bytes: what comes after must count all the same.
func TestLongPasswordsCountWhole(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("correct horse ", 12)
	path := filepath.Join(t.TempDir(), "file")
	hash, err := bcrypt.GenerateFromPassword([]byte(prehash(long)), bcrypt.MinCost) // as hashPassword does, but quick
	if err != nil {
		t.Fatal(err)
	}
	whole := strings.Repeat("x", bcryptMost)
	full, err := bcrypt.GenerateFromPassword([]byte(whole), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "password long viewer "+prehashed+string(hash)+"\npassword full viewer "+string(full)+"\n")
	store, err := Open(path, grantOf)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, plain string
		in          bool
	}{
		{"long", long, true}, {"long", long[:bcryptMost], false}, {"long", long + "x", false},
		{"long", long[:len(long)-1] + "x", false}, {"long", prehash(long), false},
		{"full", whole, true}, {"full", whole + "x", false}, {"full", whole[:bcryptMost-1], false},
	} {
		if _, in := store.Login(test.name, test.plain); in != test.in {
			t.Errorf("%s with %q: %t", test.name, test.plain, in)
		}
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
	if owner, ok := store.Program(Token, token); !ok || owner != (Owner[string]{Name: "scraper", Grant: "viewer"}) {
		t.Errorf("the token's owner is %v, %t", owner, ok)
	}
	if owner, ok := store.Login("alice", plain); !ok || owner.Name != "alice" || owner.Grant != "" || owner.Line == "" {
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
		"no password, of nobody in a file": func() bool { return passwordHash("").is("") },
		"an empty password, hashed by hand": func() bool {
			hash, err := bcrypt.GenerateFromPassword(nil, bcrypt.MinCost)
			return err == nil && passwordHash(hash).is("")
		},
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
	long := strings.Repeat("correct horse ", 12)
	if hash, err := hashPassword(long); err != nil || !strings.HasPrefix(hash, prehashed) || !passwordHash(hash).is(long) {
		t.Errorf("the hash of a long password is %q: %v", hash, err)
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", PasswordMost+1), "password123",
		"1234567890", "Password1!!", "qwertyuiop"} {
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
