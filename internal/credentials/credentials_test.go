package credentials_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/credentials"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type names map[string]string

func (n names) add(words []string) error {
	if len(words) != 2 {
		return errors.New("want two words")
	}
	n[words[0]] = words[1]
	return nil
}

func open(path string) (*credentials.File[names], error) {
	return credentials.Open(path, func() names { return names{} }, names.add)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// until polls for what a file says to become so.
func until(t *testing.T, file *credentials.File[names], name, want string) {
	t.Helper()
	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for file.Current()[name] != want {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s is %q, want %q", name, file.Current()[name], want)
		}
	}
}

func TestFileIsReadAgainAndSurvivesMistakes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "# who\n\n  a 1\nb 2\n")
	file, err := open(path)
	if err != nil || file.Current()["a"] != "1" || len(file.Current()) != 2 {
		t.Fatalf("got %v, %v", file, err)
	}
	write(t, path, "a 33\n")
	until(t, file, "a", "33")
	until(t, file, "b", "")
	write(t, path, "a 4444\nthis is wrong\n")
	if _, err := open(path); err == nil || !strings.Contains(err.Error(), "line 2: want two words") {
		t.Errorf("got %v", err)
	}
	until(t, file, "a", "33") // what was read before counts
}

func TestUnsafeOrAbsentFileIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if _, err := open(path); err == nil {
		t.Error("an absent file was read")
	}
	write(t, path, "a 1\n")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := open(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("got %v", err)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	token := credentials.NewToken()
	sum, err := credentials.ParseSum(credentials.SumOf(token).String())
	if err != nil || sum != credentials.SumOf(token) || token == credentials.NewToken() {
		t.Errorf("sum %s of %s: %v", sum, token, err)
	}
	hash, err := credentials.ParsePassword("$2a$04$nyg/SET.KaVpHsZHN1z2F.b21PYIPPwhdJKrgcLseajuTFZ2uew.y") // a cheap one
	if err != nil || !hash.Is("correct horse") || hash.Is("wrong horse") || credentials.Password(nil).Is("") {
		t.Errorf("hash %s: %v", hash, err)
	}
	made, err := credentials.HashPassword("correct horse")
	if again, bad := credentials.ParsePassword(string(made)); err != nil || bad != nil || string(again) != string(made) {
		t.Errorf("hash %s: %v, %v", made, err, bad)
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", 73)} {
		if _, err := credentials.HashPassword(bad); err == nil {
			t.Errorf("password %q was taken", bad)
		}
	}
	for _, bad := range []string{"", "zz", strings.Repeat("a", 63)} {
		if _, err := credentials.ParseSum(bad); err == nil {
			t.Errorf("sum %q was taken", bad)
		}
	}
	if _, err := credentials.ParsePassword("plain"); err == nil {
		t.Error("a plain password was taken for a hash")
	}
	for _, bad := range []string{"", "a b", strings.Repeat("n", 101)} {
		if credentials.CheckName(bad) == nil {
			t.Errorf("name %q was taken", bad)
		}
	}
}
