// Package cmd_test runs the three programs as people do: from a shell, on a real Redis. The scripts are in testdata.
package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
)

const patience = time.Minute // for what a script waits for

var bin string // where the programs are

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "navvy-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	logging.Disable() // of the pings to servers that are still starting
	code := redistest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// build makes the programs, with the race detector if this test has it.
func build(dir string) error {
	args := []string{"build", "-o", dir}
	if info, ok := debug.ReadBuildInfo(); ok &&
		slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	command := exec.Command("go", append(args, "./producer", "./worker", "./monitor")...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	return nil
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			dir := filepath.Join(env.WorkDir, ".redis")
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
			server, err := redistest.Start(dir)
			if err != nil {
				return err
			}
			env.Defer(server.Kill)
			env.Setenv("REDIS_URL", server.URL())
			env.Setenv("REDIS_ADDR", server.Addr)
			env.Setenv("NAVVY_PERIODIC", "false") // a script counts the jobs that it has enqueued itself
			socket, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Setenv("FREE_ADDR", socket.Addr().String())
			if err := socket.Close(); err != nil {
				return err
			}
			env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status": status,
			"redis":  redisCommand,
			"id":     captureID,
			"until":  until,
			"lines":  lines,
			"orders": orders,
			"users":  users,
		},
		RequireExplicitExec: true,
	})
}

// progressLine is how a command reports its progress where stderr is no terminal.
var progressLine = regexp.MustCompile(`(?m)^\w+: .*\(\d+ %\)\n`)

// status N PROGRAM ARGS… runs a program and checks its exit status. One that is not 0 comes with one line on stderr,
// which begins with the program's name; what takes long on a busy machine reports its progress before.
func status(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
	stderr := progressLine.ReplaceAllString(ts.ReadFile("stderr"), "")
	if want != 0 && (strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, args[1]+": ")) {
		ts.Fatalf("want one line on stderr that begins with %s", args[1])
	}
}

// redis COMMAND… asks the script's Redis and writes its answer to stdout.
func redisCommand(ts *testscript.TestScript, _ bool, args []string) {
	rdb := redis.NewClient(&redis.Options{Addr: ts.Getenv("REDIS_ADDR"), MaxRetries: -1})
	defer rdb.Close()
	command := make([]any, len(args))
	for i, arg := range args {
		command[i] = arg
	}
	answer, err := rdb.Do(context.Background(), command...).Result()
	if !errors.Is(err, redis.Nil) && !errors.Is(err, io.EOF) { // SHUTDOWN has no answer
		ts.Check(err)
	}
	_, err = fmt.Fprintln(ts.Stdout(), answer)
	ts.Check(err)
}

// users gives the script's Redis those of deploy/redis/users.acl, but for the default user, who looks after them.
func users(ts *testscript.TestScript, _ bool, _ []string) {
	recipe, err := os.ReadFile(filepath.Join("..", "deploy", "redis", "users.acl"))
	ts.Check(err)
	for line := range strings.Lines(string(recipe)) {
		if words := strings.Fields(line); len(words) > 1 && words[1] != "default" {
			redisCommand(ts, false, append([]string{"ACL", "SETUSER"}, words[1:]...))
		}
	}
}

// id VARIABLE keeps the id of the JSON object on stdout.
func captureID(ts *testscript.TestScript, _ bool, args []string) {
	var job struct{ ID string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &job))
	ts.Setenv(args[0], job.ID)
}

// until REGEXP PROGRAM ARGS… runs a program again and again until its output matches.
func until(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile("(?m)" + args[0])
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_ = ts.Exec(args[1], args[2:]...)
		if want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("no output like %s in %s", args[0], patience)
		}
	}
}

// lines N FILE counts lines.
func lines(ts *testscript.TestScript, _ bool, args []string) {
	if got := strconv.Itoa(strings.Count(ts.ReadFile(args[1]), "\n")); got != args[0] {
		ts.Fatalf("%s has %s lines, want %s", args[1], got, args[0])
	}
}

// orders FILE writes 10,000 charges as JSON lines, seven of them bad, one of those longer than a job may be.
func orders(ts *testscript.TestScript, _ bool, args []string) {
	bad := map[int]string{
		1:      "not json",
		1234:   `{"kind":"payment.charge"}`,
		2000:   `{"data":{"order_id":"o","cents":1}}`,
		3000:   `{"kind":"payment.chagre","data":{}}`,
		5000:   `{"kind":"payment.charge","data":{"note":"` + strings.Repeat("x", 3<<20) + `"}}`,
		7777:   `{"kind":"payment.charge","data":{},"in":"-5m"}`,
		10_000: `{"kind":"payment.charge","data":{}`,
	}
	var out bytes.Buffer
	for n := 1; n <= 10_000; n++ {
		line, ok := bad[n]
		if !ok {
			line = fmt.Sprintf(`{"kind":"payment.charge","data":{"order_id":"o-%d","cents":%d}}`, n, n)
		}
		out.WriteString(line + "\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), out.Bytes(), 0o600))
}
