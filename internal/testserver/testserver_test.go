package testserver_test

import (
	"net"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/navvy-go/navvy/internal/testserver"
)

func TestFreePortCanBeListenedOn(t *testing.T) {
	t.Parallel()
	port, err := testserver.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
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
