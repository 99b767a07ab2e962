package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"
	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

func TestMain(m *testing.M) {
	logging.Disable()
	code := redistest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// program is a program with one command that does what action says.
func program(action cli.ActionFunc) (*cli.App, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	return &cli.App{
		Name: "prog", Writer: &out, ErrWriter: &errs,
		Commands: []*cli.Command{{
			Name: "act",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "text"}, &cli.DurationFlag{Name: "in"}, &cli.BoolFlag{Name: "json"},
				&cli.StringSliceFlag{Name: "raw"}, &cli.BoolFlag{Name: "yes"},
			},
			Action: action,
		}},
	}, &out, &errs
}

func TestExitStatusAndOneLine(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args   []string
		err    error
		status int
		says   string
	}{
		"done": {args: []string{"act"}, status: 0},
		"failed": {args: []string{"act"}, err: errors.New("it broke\nhere"), status: 1,
			says: "prog: it broke; here\n"},
		"wrong":           {args: []string{"act"}, err: Usage("no %s", "name"), status: 2, says: "prog: no name\n"},
		"joined":          {args: []string{"act"}, err: errors.Join(Usage("a"), nil), status: 2, says: "prog: a\n"},
		"no command":      {status: 2, says: "prog: no command given; see prog --help\n"},
		"unknown command": {args: []string{"nope"}, status: 2, says: "prog: unknown command \"nope\"; see prog --help\n"},
		"unknown flag":    {args: []string{"act", "--nope"}, status: 2, says: "-nope; see prog act --help\n"},
		"unknown global":  {args: []string{"--nope", "act"}, status: 2, says: "-nope; see prog --help\n"},
		"bad value":       {args: []string{"act", "--in", "x"}, status: 2, says: "see prog act --help\n"},
		"no value":        {args: []string{"act", "--in"}, status: 2, says: "see prog act --help\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, out, errs := program(func(*cli.Context) error { return test.err })
			if got := Run(t.Context(), app, append([]string{"prog"}, test.args...)); got != test.status {
				t.Errorf("status %d, want %d", got, test.status)
			}
			if !strings.HasSuffix(errs.String(), test.says) || test.says == "" && errs.Len() > 0 {
				t.Errorf("stderr %q, want %q", errs.String(), test.says)
			}
			if strings.Count(errs.String(), "\n") > 1 || out.Len() > 0 {
				t.Errorf("more than one line: stdout %q, stderr %q", out.String(), errs.String())
			}
		})
	}
}

func TestFlagsMayStandAnywhere(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"act one two --text - --in -5m --json --namespace ns",
		"--namespace ns act --text - --in=-5m one --json two",
		"act --namespace=ns --json one --in -5m --text=- -- two",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			app, _, errs := program(func(c *cli.Context) error {
				if got := c.Args().Slice(); !slices.Equal(got, []string{"one", "two"}) {
					t.Errorf("arguments %q", got)
				}
				if c.String("text") != "-" || c.Duration("in") != -5*time.Minute || !c.Bool("json") ||
					c.String("namespace") != "ns" {
					t.Errorf("text %q, in %s, json %v, namespace %q",
						c.String("text"), c.Duration("in"), c.Bool("json"), c.String("namespace"))
				}
				return nil
			})
			if got := Run(t.Context(), app, append([]string{"prog"}, strings.Fields(line)...)); got != StatusDone {
				t.Errorf("status %d: %s", got, errs)
			}
		})
	}
}

func TestArrange(t *testing.T) {
	t.Parallel()
	app := &cli.App{
		Name:  "prog",
		Flags: []cli.Flag{&cli.StringFlag{Name: "redis"}, &cli.BoolFlag{Name: "help", Aliases: []string{"h"}}},
		Commands: []*cli.Command{
			{Name: "act", Flags: []cli.Flag{&cli.StringFlag{Name: "queue", Aliases: []string{"q"}},
				&cli.BoolFlag{Name: "help"}}},
			{Name: "list"},
		},
	}
	for line, want := range map[string]string{
		"":                                   "",
		"act":                                "act",
		"act a --queue q --redis=r b":        "--redis=r act --queue=q -- a b",
		"--redis r act -q q":                 "--redis=r act --q=q",
		"act list --help":                    "act --help=true -- list",
		"act -h":                             "--h=true act",
		"list --help":                        "--help=true list",
		"act --queue -5m":                    "act --queue=-5m",
		"act --queue=":                       "act --queue=",
		"act -":                              "act -- -",
		"act a -- --queue q -- b":            "act -- a --queue q -- b",
		"nothing act":                        "-- nothing act",
		"-- act":                             "-- act",
		"act --q --generate-bash-completion": "act --q --generate-bash-completion",
	} {
		got, err := arrange(app, append([]string{"prog"}, strings.Fields(line)...))
		if text := strings.Join(got[1:], " "); err != nil || text != want {
			t.Errorf("%q: got %q, want %q (%v)", line, text, want, err)
		}
	}
	for line, want := range map[string]string{
		"act a --nope":          "flag provided but not defined: -nope; see prog act --help",
		"--queue q act":         "flag provided but not defined: -queue; see prog --help",
		"list --queue q":        "flag provided but not defined: -queue; see prog list --help",
		"act --queue":           "flag needs an argument: -queue; see prog act --help",
		"act --queue -- --help": "flag needs an argument: -queue; see prog act --help",
	} {
		if _, err := arrange(app, append([]string{"prog"}, strings.Fields(line)...)); !IsUsage(err) || err.Error() != want {
			t.Errorf("%q: got %v, want %s", line, err, want)
		}
	}
}

func TestArgumentsAfterTwoDashesAreNoFlags(t *testing.T) {
	t.Parallel()
	app, _, errs := program(func(c *cli.Context) error {
		args, err := Arguments(c, "A", "B")
		if err == nil && !slices.Equal(args, []string{"--json", "help"}) {
			t.Errorf("arguments %q", args)
		}
		return err
	})
	if got := Run(t.Context(), app, []string{"prog", "act", "--", "--json", "help"}); got != StatusDone {
		t.Errorf("status %d: %s", got, errs)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for line, says := range map[string]string{
		"act":       "QUEUE is missing",
		"act a":     "ID is missing",
		"act a b c": `unexpected argument "c"`,
	} {
		app, _, errs := program(func(c *cli.Context) error {
			_, err := Arguments(c, "QUEUE", "ID")
			return err
		})
		if got := Run(t.Context(), app, append([]string{"prog"}, strings.Fields(line)...)); got != StatusUsage {
			t.Errorf("%s: status %d", line, got)
		}
		if !strings.Contains(errs.String(), says) {
			t.Errorf("%s: stderr %q, want %q", line, errs, says)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("NAVVY_TEXT", "from outside")
	t.Setenv("NAVVY_NAMESPACE", "ns")
	t.Setenv("NAVVY_RAW", "a,kind=x;b,kind=y")
	t.Setenv("NAVVY_YES", "true")
	app, _, _ := program(func(c *cli.Context) error {
		if c.String("text") != "from outside" || c.String("namespace") != "ns" {
			t.Errorf("text %q, namespace %q", c.String("text"), c.String("namespace"))
		}
		if raw := c.StringSlice("raw"); !slices.Equal(raw, []string{"a,kind=x", "b,kind=y"}) {
			t.Errorf("raw %q", raw)
		}
		if c.Bool("yes") {
			t.Error("--yes was taken from the environment")
		}
		return nil
	})
	if got := Run(t.Context(), app, []string{"prog", "act"}); got != StatusDone {
		t.Errorf("status %d", got)
	}
}

func TestRedisIsExplained(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	if err := server.Client(t).ConfigSet(t.Context(), "requirepass", "right").Err(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		url, says string
		status    int
	}{
		"right":       {"redis://:right@" + server.Addr, "", 0},
		"wrong":       {"redis://:hunter2@" + server.Addr, "refuses the user name or password", 1},
		"none":        {"redis://" + server.Addr, "refuses the user name or password", 1},
		"unreachable": {"redis://:hunter2@127.0.0.1:1", "cannot reach redis at redis://127.0.0.1:1: connect", 1},
		"malformed":   {"redis://:hunter2@h:x", "not a Redis URL", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, _, errs := program(func(c *cli.Context) error {
				rdb, err := Redis(c)
				if err == nil {
					err = rdb.Close()
				}
				return err
			})
			started := time.Now()
			if got := Run(t.Context(), app, []string{"prog", "act", "--redis", test.url}); got != test.status {
				t.Errorf("status %d, want %d", got, test.status)
			}
			if !strings.Contains(errs.String(), test.says) || strings.Contains(errs.String(), "hunter2") {
				t.Errorf("stderr %q, want %q", errs, test.says)
			}
			if took := time.Since(started); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestRejected(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		queue.ErrUnknownOutcome, queue.ErrFull, queue.ErrOverloaded, queue.ErrClosed, io.EOF, context.Canceled,
		context.DeadlineExceeded,
	} {
		if IsUsage(Rejected(fmt.Errorf("queue: %w", err))) {
			t.Errorf("%v counts as wrong usage", err)
		}
	}
	if !IsUsage(Rejected(queue.ErrTooLarge)) || !IsUsage(Rejected(fmt.Errorf("delay -1s: %w", queue.ErrInvalid))) {
		t.Error("a refused job does not count as wrong usage")
	}
	if Rejected(nil) != nil {
		t.Error("nil became an error")
	}
}

func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	for shell, holds := range map[string]string{
		"bash": "complete -o bashdefault -o default -F _prog_complete prog",
		"zsh":  "#compdef prog",
		"fish": "complete -c prog",
	} {
		app, out, errs := program(func(*cli.Context) error { return nil })
		if got := Run(t.Context(), app, []string{"prog", "completion", shell}); got != StatusDone {
			t.Errorf("%s: status %d: %s", shell, got, errs)
		}
		if !strings.Contains(out.String(), holds) {
			t.Errorf("%s: no %q in %s", shell, holds, out)
		}
	}
}

func TestHelpNeverShowsThePassword(t *testing.T) {
	t.Setenv("REDIS_URL", "redis://:hunter2@localhost")
	app, out, _ := program(func(*cli.Context) error { return nil })
	if got := Run(t.Context(), app, []string{"prog", "--help"}); got != StatusDone {
		t.Errorf("status %d", got)
	}
	if strings.Contains(out.String(), "hunter2") || !strings.Contains(out.String(), "REDIS_URL") {
		t.Errorf("help:\n%s", out)
	}
}
