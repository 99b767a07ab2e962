package testserver_test

import (
	"errors"
	"net"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/navvy-go/navvy/internal/testserver"
)

// Another process may take one port before this test does, hardly ten in a row.
func TestFreePortCanBeListenedOn(t *testing.T) {
	t.Parallel()
	for try := 1; ; try++ {
		port, err := testserver.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = l.Close()
			return
		}
		if !errors.Is(err, syscall.EADDRINUSE) || try == 10 {
			t.Fatal(err)
		}
	}
}

func TestDieWithParentKeepsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	given := &syscall.SysProcAttr{Setpgid: true}
	if got := testserver.DieWithParent(given, syscall.SIGQUIT); got != given || !got.Setpgid {
		t.Errorf("got %+v", got)
	}
	cmd := exec.CommandContext(t.Context(), "true")
	cmd.SysProcAttr = testserver.DieWithParent(nil, syscall.SIGKILL)
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
}
