// Package redistest gives each test binary a private redis-server: a real one, on a port and in a directory of its
// own, gone when the tests are over.
package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/testserver"
)

// Server is a running redis-server.
type Server struct {
	Addr     string // host:port
	Dir      string // its data, configuration and log
	Password string // of its clients; "" if they need none

	binary string
	args   []string
	cmd    *exec.Cmd
	exited chan struct{}
}

// Binary returns the server to test with: $REDIS_SERVER, or the first of redis-server and valkey-server on the PATH.
func Binary() (string, error) {
	if binary := os.Getenv("REDIS_SERVER"); binary != "" {
		return exec.LookPath(binary)
	}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if binary, err := exec.LookPath(name); err == nil {
			return binary, nil
		}
	}
	return "", errors.New("no redis-server on the PATH: install it (Debian: apt-get install redis-server, " +
		"macOS: brew install redis) or set REDIS_SERVER to the path of one")
}

// startTries bounds how often a server is started that ends at once: another process may have taken its port meanwhile,
// or the second one that a server in cluster mode listens on, 10,000 above.
const startTries = 5

var errEnded = errors.New("ended at once")

// Start runs a server with its data in dir and args (as on redis-server's command line) added to the defaults: a free
// port on loopback, no persistence.
func Start(dir string, args ...string) (*Server, error) {
	binary, err := Binary()
	if err != nil {
		return nil, err
	}
	return start(binary, dir, func(port string) []string {
		return append([]string{
			"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no",
		}, args...)
	})
}

// start runs a server with the arguments for a port.
func start(binary, dir string, args func(port string) []string) (*Server, error) {
	for try := 1; ; try++ {
		port, err := testserver.FreePort()
		if err != nil {
			return nil, err
		}
		s := &Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Dir: dir, binary: binary}
		s.args = args(strconv.Itoa(port))
		err = s.Restart()
		if try == startTries || !errors.Is(err, errEnded) {
			return s, err
		}
	}
}

// Restart starts the server again after [Server.Stop] or [Server.Kill], on the same port and data.
func (s *Server) Restart() error {
	log, err := os.OpenFile(filepath.Join(s.Dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command(s.binary, s.args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = testserver.DieWithParent(nil, syscall.SIGKILL)
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("redistest: start %s: %w", s.binary, err)
	}
	s.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		_ = cmd.Wait()
		close(exited)
	}(s.cmd, s.exited)
	return s.awaitReady()
}

func (s *Server) awaitReady() error {
	rdb := redis.NewClient(&redis.Options{Addr: s.Addr, DialerRetries: 1, MaxRetries: -1})
	defer rdb.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
		err := s.accepts() // go-redis would log each refused connection
		if err == nil {
			err = s.greet(ctx, rdb)
		}
		if err == nil || redis.HasErrorPrefix(err, "NOAUTH") {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("redistest: %s %w; see %s/server.log", s.binary, errEnded, s.Dir)
		case <-ctx.Done():
			return fmt.Errorf("redistest: %s not ready: %w", s.binary, err)
		default:
		}
	}
}

var errOther = errors.New("another server has the port")

// greet reports whether the server takes commands, and is this one: another process may have taken the port since it
// was found to be free, and then this one ends, a moment later than the other one answers.
func (s *Server) greet(ctx context.Context, rdb *redis.Client) error {
	if err := rdb.Ping(ctx).Err(); err != nil {
		return err
	}
	own, err := filepath.EvalSymlinks(s.Dir)
	if err != nil {
		return err
	}
	dir, err := rdb.ConfigGet(ctx, "dir").Result() // a sentinel has no such command
	if err == nil && dir["dir"] != own {
		return errOther
	}
	return nil
}

func (s *Server) accepts() error {
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Stop ends the server in good order and waits for it.
func (s *Server) Stop() { s.signal(syscall.SIGTERM) }

// Kill ends the server with SIGKILL and waits for it.
func (s *Server) Kill() { s.signal(syscall.SIGKILL) }

func (s *Server) signal(sig syscall.Signal) {
	_ = s.cmd.Process.Signal(sig)
	<-s.exited
}

// PID is the server's process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// URL is the server's address for programs, e.g. redis://127.0.0.1:6379/0.
func (s *Server) URL() string { return "redis://" + s.Addr + "/0" }

// Client returns a client of the server, closed when the test ends.
func (s *Server) Client(tb testing.TB) *redis.Client {
	rdb := redis.NewClient(&redis.Options{Addr: s.Addr})
	if movingSlots.Load() {
		rdb.AddHook(asMoving{})
	}
	tb.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// MainAsMoving is [Main], and the scripts of all clients of [Server.Client] run as in a slot of a cluster that moves to
// another node: one that empties a key and touches it again fails there, with half of its work done.
func MainAsMoving(m *testing.M) int {
	movingSlots.Store(true)
	return Main(m)
}

var shared struct {
	sync.Mutex
	server *Server
}

// Main runs a package's tests, and then ends the server that [Shared] started for them. Call it from TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(redistest.Main(m)) }
func Main(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.Kill()
		_ = os.RemoveAll(shared.server.Dir)
	}
	return code
}

// Shared returns the test binary's own server, started at the first call. Tests run in parallel on it, so each takes
// a [Namespace] of its own and none may flush, restart or block the server: those start their own with [New].
func Shared(tb testing.TB) *Server {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		dir, err := os.MkdirTemp("", "navvy-redis-")
		if err != nil {
			tb.Fatal(err)
		}
		server, err := Start(dir)
		if err != nil {
			tb.Fatal(err)
		}
		shared.server = server
	}
	return shared.server
}

// New starts a server for one test, with args added to its command line, and ends it with the test.
func New(tb testing.TB, args ...string) *Server {
	tb.Helper()
	server, err := Start(tb.TempDir(), args...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Kill)
	return server
}

// Namespace returns a key prefix that no other test has.
func Namespace() string {
	namespaces.Lock()
	defer namespaces.Unlock()
	namespaces.last++
	return "t" + strconv.Itoa(namespaces.last)
}

var namespaces struct {
	sync.Mutex
	last int
}
