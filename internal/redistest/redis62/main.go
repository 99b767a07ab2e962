// Command redis62 is a Redis server without what came after Redis 6.2: it starts a newer one, in which newer commands
// do not exist, for scripts neither, and passes requests on to it but for newer subcommands and options. What is newer
// the server itself discloses. It takes the arguments of redis-server, so that tests use it in its place:
//
//	make test-6.2
//
// The newer server is $REDIS_NEWER, or redis-server. Replies, and errors in scripts, are those of the newer one.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"syscall"

	"github.com/navvy-go/navvy/internal/testserver"
)

func main() {
	runtime.LockOSThread() // the server dies with the thread that has started it
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "redis62:", err)
	}
	os.Exit(code)
}

// run runs the server until it ends, and returns its exit status.
func run(args []string) (int, error) {
	binary, err := newer()
	if err != nil {
		return 1, err
	}
	at := slices.Index(args, "--port")
	if at < 0 || at+1 >= len(args) || slices.Contains(args, "--sentinel") {
		return 1, syscall.Exec(binary, append([]string{binary}, args...), os.Environ())
	}
	known, err := lookUp(binary)
	if err != nil {
		return 1, err
	}
	port, err := strconv.Atoi(args[at+1])
	if err != nil {
		return 1, fmt.Errorf("port: %w", err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", args[at+1]))
	if err != nil {
		return 1, err
	}
	behind, err := testserver.FreePort()
	if err != nil {
		return 1, err
	}
	args = slices.Clone(args)
	args[at+1] = strconv.Itoa(behind)
	server, err := start(binary, append(args, settings(known, port)...))
	if err != nil {
		return 1, err
	}
	go serve(listener, net.JoinHostPort("127.0.0.1", args[at+1]), known)
	return wait(server)
}

func newer() (string, error) {
	if binary := os.Getenv("REDIS_NEWER"); binary != "" {
		return exec.LookPath(binary)
	}
	return exec.LookPath("redis-server")
}

// settings are those that hide the server behind a port, and take its newer commands away.
func settings(known *newerThan, port int) []string {
	announced := strconv.Itoa(port)
	bus := strconv.Itoa(port + 10_000)
	args := []string{
		"--replica-announce-ip", "127.0.0.1", "--replica-announce-port", announced,
		"--cluster-port", bus, "--cluster-announce-port", announced, "--cluster-announce-bus-port", bus,
	}
	for _, name := range known.Commands {
		args = append(args, "--rename-command", name, "")
	}
	return args
}

func start(binary string, args []string) (*exec.Cmd, error) {
	server := exec.Command(binary, args...)
	server.Stdout, server.Stderr = os.Stdout, os.Stderr
	server.SysProcAttr = testserver.DieWithParent(nil, syscall.SIGKILL)
	return server, server.Start()
}

// wait passes signals on, and returns the server's exit status.
func wait(server *exec.Cmd) (int, error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		for s := range signals {
			_ = server.Process.Signal(s)
		}
	}()
	err := server.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}
