package redistest_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A port that was free may be taken meanwhile by a server of somebody else: that one is not taken for the one that was
// started, though it answers first.
func TestAServerOfSomebodyElseIsNotTaken(t *testing.T) {
	binary, err := redistest.Binary()
	if err != nil {
		t.Fatal(err)
	}
	dir, other := t.TempDir(), t.TempDir()
	unlucky := filepath.Join(dir, "unlucky")
	script := `#!/bin/sh
[ -e ` + dir + `/other ] || {
	` + binary + ` "$1" "$2" --bind 127.0.0.1 --save "" --dir ` + other + ` >/dev/null 2>&1 &
	echo $! >` + dir + `/other
	sleep 1
	exit 1
}
exec ` + binary + ` "$@"
`
	if err := os.WriteFile(unlucky, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("REDIS_SERVER", unlucky)
	server := redistest.New(t)
	t.Cleanup(func() {
		text, _ := os.ReadFile(filepath.Join(dir, "other"))
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	})
	got, err := server.Client(t).ConfigGet(t.Context(), "dir").Result()
	if err != nil || got["dir"] != server.Dir {
		t.Errorf("the server's directory is %q (%v), want %q", got["dir"], err, server.Dir)
	}
}

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
