package redistest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The port that was free may be taken by the time the server wants it: it ends at once, and another port is tried.
func TestAServerThatEndsAtOnceIsStartedAgain(t *testing.T) {
	binary, err := redistest.Binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	unlucky := filepath.Join(dir, "unlucky")
	script := "#!/bin/sh\n[ -e " + dir + "/tried ] || { touch " + dir + "/tried; exit 1; }\nexec " + binary + " \"$@\"\n"
	if err := os.WriteFile(unlucky, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("REDIS_SERVER", unlucky)
	server := redistest.New(t, "--cluster-enabled", "yes")
	if err := server.Client(t).Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

func TestAServerThatCannotStartSaysSo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := redistest.Start(dir, "--no-such-option", "yes")
	if err == nil || !strings.Contains(err.Error(), "ended at once; see "+dir) {
		t.Errorf("got %v", err)
	}
}
