// Command redis62 is a Redis server without what came after Redis 6.2: it starts a newer one, in which newer commands
// do not exist, for scripts neither, and passes requests on to it but for newer subcommands and options. What is newer
// the server itself discloses. It takes the arguments of redis-server, so that tests use it in its place:
//
//	make test-6.2
//
// The newer server is $REDIS_NEWER, or redis-server. Replies, and errors in scripts, are those of the newer one.
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/navvy-go/navvy/internal/testserver"
)

// proxies is the variable that makes the program the proxy of the server at an address.
const proxies = "REDIS62_PROXIES"

func init() { runtime.LockOSThread() } // the proxy dies with the thread that has started it, which becomes the server

func main() {
	run := become
	if os.Getenv(proxies) != "" {
		run = proxy
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "redis62:", err)
		os.Exit(1)
	}
}

// become becomes the server, which a test may then freeze or kill, after it has started the proxy.
func become(args []string) error {
	binary, err := newer()
	if err != nil {
		return err
	}
	at := slices.Index(args, "--port")
	if at >= 0 && at+1 < len(args) && !slices.Contains(args, "--sentinel") {
		port, err := strconv.Atoi(args[at+1])
		if err != nil {
			return fmt.Errorf("port: %w", err)
		}
		known, err := lookUp(binary)
		if err != nil {
			return err
		}
		behind, err := testserver.FreePort()
		if err != nil {
			return err
		}
		if err := startProxy(port, behind); err != nil {
			return err
		}
		args = append(slices.Clone(args), settings(known, port)...)
		args[at+1] = strconv.Itoa(behind)
	}
	return syscall.Exec(binary, append([]string{binary}, args...), os.Environ())
}

func startProxy(port, behind int) error {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	listener, err := listen(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	file, err := listener.File()
	if err != nil {
		return err
	}
	child := exec.Command(own)
	child.Env = append(os.Environ(), proxies+"="+net.JoinHostPort("127.0.0.1", strconv.Itoa(behind)))
	child.ExtraFiles = []*os.File{file}
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.SysProcAttr = testserver.DieWithParent(nil, syscall.SIGKILL)
	return child.Start()
}

// listen waits for the proxy of a server that was killed to be gone.
func listen(addr string) (*net.TCPListener, error) {
	for end, tick := time.Now().Add(2*time.Second), time.Tick(10*time.Millisecond); ; <-tick {
		listener, err := net.Listen("tcp", addr)
		if err == nil {
			return listener.(*net.TCPListener), nil
		}
		if time.Now().After(end) {
			return nil, err
		}
	}
}

// proxy serves the listener that it was given.
func proxy([]string) error {
	binary, err := newer()
	if err != nil {
		return err
	}
	known, err := lookUp(binary)
	if err != nil {
		return err
	}
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	return serve(listener, os.Getenv(proxies), known)
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
