package secretfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/internal/secretfile"
)

func TestFilesThatAreOpenToOthersAreRefused(t *testing.T) {
	t.Parallel()
	const secret, public = "chmod 600 ", "chmod go-w "
	for mode, want := range map[os.FileMode][2]string{ // what Read and ReadPublic say
		0o600: {}, 0o640: {}, 0o400: {},
		0o644: {secret, ""}, 0o604: {secret, ""},
		0o620: {secret, public}, 0o602: {secret, public}, 0o666: {secret, public}, 0o664: {secret, public},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		for i, read := range []func(string) ([]byte, error){secretfile.Read, secretfile.ReadPublic} {
			text, err := read(path)
			switch {
			case want[i] == "" && (err != nil || string(text) != "text"):
				t.Errorf("mode %o, reader %d: %q, %v", mode, i, text, err)
			case want[i] != "" && (err == nil || !strings.Contains(err.Error(), want[i]+path) || text != nil):
				t.Errorf("mode %o, reader %d: %q, %v; want %q", mode, i, text, err, want[i])
			}
		}
	}
	if _, err := secretfile.ReadPublic(t.TempDir()); err == nil {
		t.Error("a folder was read")
	}
}
