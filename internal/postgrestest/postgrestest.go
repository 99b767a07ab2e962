// Package postgrestest gives a test binary a private PostgreSQL: a real one, on a port and in a directory of its own,
// gone when the tests are over. It starts at the first call of [Database].
package postgrestest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx

	"github.com/navvy-go/navvy/internal/testserver"
)

const (
	startLimit = 30 * time.Second
	startTries = 5 // of a port that another process took
)

var errEnded = errors.New("the server ended at once")

// settings are for a server whose data need not outlive it.
var settings = []string{
	"fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "shared_buffers=16MB",
	"max_connections=100", "listen_addresses=127.0.0.1", "unix_socket_directories=",
}

// Server is a running PostgreSQL.
type Server struct {
	dir    string
	port   int
	extra  []string
	cmd    *exec.Cmd
	exited chan struct{}
}

var shared struct {
	sync.Mutex
	server  *Server
	schemas int
}

// Stop ends the server, if one was started. Call it from TestMain after the tests.
func Stop() {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.Stop()
		shared.server = nil
	}
}

// Database returns the URL of an empty schema that no other test has, for the driver pgx.
func Database(tb testing.TB) string {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		s, err := Start(tb.Context())
		if err != nil {
			tb.Fatal(err)
		}
		shared.server = s
	}
	shared.schemas++
	schema := "t" + strconv.Itoa(shared.schemas)
	if err := shared.server.exec(tb.Context(), "CREATE SCHEMA "+schema); err != nil {
		tb.Fatal(err)
	}
	return shared.server.URL() + "&search_path=" + schema
}

// Start runs a server with extra settings, "name=value", beside those that suit tests: nothing is written through to
// disk and there is little memory. It returns when the server is ready; [Server.Stop] ends it.
func Start(ctx context.Context, extra ...string) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "navvy-postgres-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, extra: extra}
	if err := s.run(ctx, bin); err != nil {
		s.Stop()
		return nil, fmt.Errorf("postgrestest: %w", err)
	}
	return s, nil
}

func (s *Server) run(ctx context.Context, bin string) error {
	attributes, err := unprivileged(s.dir)
	if err != nil {
		return err
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", s.data(), "-U", "navvy", "-A", "trust",
		"-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	initdb.Dir, initdb.SysProcAttr = s.dir, attributes
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	for try := 1; ; try++ {
		err := s.serve(ctx, filepath.Join(bin, "postgres"), attributes)
		if try == startTries || !errors.Is(err, errEnded) {
			return err
		}
	}
}

// serve starts the server on a port that is free now: another process may take it meanwhile.
func (s *Server) serve(ctx context.Context, postgres string, attributes *syscall.SysProcAttr) (err error) {
	if s.port, err = testserver.FreePort(); err != nil {
		return err
	}
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port)}
	for _, setting := range slices.Concat(settings, s.extra) { // the last one counts
		args = append(args, "-c", setting)
	}
	log, err := os.Create(filepath.Join(s.dir, "server.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(postgres, args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, testserver.DieWithParent(attributes, syscall.SIGQUIT) // at once
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.exited = cmd, make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(s.exited)
	}()
	return s.awaitReady(ctx)
}

func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.exec(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			log, _ := os.ReadFile(filepath.Join(s.dir, "server.log"))
			return fmt.Errorf("%w: %s", errEnded, log)
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready: %w", err)
		case <-tick.C:
		}
	}
}

func (s *Server) exec(ctx context.Context, statement string) error {
	db, err := sql.Open("pgx", s.URL())
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement)
	return errors.Join(err, db.Close())
}

// Stop ends the server at once and removes its data: it is of no use any more.
func (s *Server) Stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGQUIT)
		<-s.exited
	}
	_ = os.RemoveAll(s.dir)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// PID is the server's first process, the parent of all others.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// URL is the address of the server's database for the driver pgx.
func (s *Server) URL() string {
	return fmt.Sprintf("postgres://navvy@127.0.0.1:%d/postgres?sslmode=disable", s.port)
}

// binaries is the directory of initdb and postgres: $POSTGRES_BIN, that of the PATH, or the newest of where systems
// keep them.
func binaries() (string, error) {
	candidates := []string{os.Getenv("POSTGRES_BIN")}
	if path, err := exec.LookPath("initdb"); err == nil {
		candidates = append(candidates, filepath.Dir(path))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/libexec/postgresql*", "/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
	} {
		found, _ := filepath.Glob(pattern)
		slices.Reverse(found)
		candidates = append(candidates, found...)
	}
	for _, dir := range candidates {
		_, initdbErr := exec.LookPath(filepath.Join(dir, "initdb"))
		_, postgresErr := exec.LookPath(filepath.Join(dir, "postgres"))
		if dir != "" && initdbErr == nil && postgresErr == nil {
			return dir, nil
		}
	}
	return "", errors.New("postgrestest: no PostgreSQL server found: install it (Debian: apt-get install postgresql, " +
		"macOS: brew install postgresql) or set POSTGRES_BIN to the directory of initdb")
}

// unprivileged gives the directory to another user where this one is root, as whom PostgreSQL refuses to run.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr, os.Chown(dir, int(uid), int(gid))); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}
