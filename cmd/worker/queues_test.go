package main

import (
	"context"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/postgrestest"
	"github.com/navvy-go/navvy/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(withPostgres{m}) }

// withPostgres ends the server that the tests may have started before anybody looks for leaks.
type withPostgres struct{ *testing.M }

func (m withPostgres) Run() int {
	defer postgrestest.Stop()
	return m.M.Run()
}

// bound runs the flags of worker run through boundQueues.
func bound(t *testing.T, args ...string) (queues map[string]queue.QueueConfig, err error) {
	t.Helper()
	run := runCommand()
	app := &cli.App{
		Name: "worker", Flags: run.Flags, Writer: io.Discard, ErrWriter: io.Discard, SliceFlagSeparator: ";",
		HideHelp:       true, // its flag is shared by everything in the process
		ExitErrHandler: func(*cli.Context, error) {},
		Action: func(c *cli.Context) error {
			queues, err = boundQueues(c)
			return nil
		},
	}
	if err := app.RunContext(context.Background(), append([]string{"worker"}, args...)); err != nil {
		t.Fatal(err)
	}
	return queues, err
}

func TestBoundQueues(t *testing.T) {
	t.Parallel()
	raw := func(group, kind string) *queue.Raw { return &queue.Raw{Group: group, Kind: kind} }
	for name, test := range map[string]struct {
		args []string
		want map[string]queue.QueueConfig
	}{
		"default": {nil, map[string]queue.QueueConfig{"orders": {Weight: 5}, "events": {Weight: 1}}},
		"named":   {[]string{"--queues", "a=3, b"}, map[string]queue.QueueConfig{"a": {Weight: 3}, "b": {Weight: 1}}},
		"raw only": {
			[]string{"--raw", "s:1,group=g,kind=k,weight=2", "--raw", "s:2,kind=l"},
			map[string]queue.QueueConfig{"s:1": {Weight: 2, Raw: raw("g", "k")}, "s:2": {Weight: 1, Raw: raw("", "l")}},
		},
		"both": {
			[]string{"--queues", "a", "--raw", "s,kind=k"},
			map[string]queue.QueueConfig{"a": {Weight: 1}, "s": {Weight: 1, Raw: raw("", "k")}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := bound(t, test.args...)
			if err != nil {
				t.Fatal(err)
			}
			same := func(a, b queue.QueueConfig) bool {
				return a.Weight == b.Weight && (a.Raw == nil) == (b.Raw == nil) && (a.Raw == nil || *a.Raw == *b.Raw)
			}
			if !maps.EqualFunc(got, test.want, same) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestBoundQueuesRefusesMistakes(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"--queues=":                     "--queues is empty",
		"--queues==5":                   "name is empty",
		"--queues=a=x":                  "weight of a",
		"--queues=a,a":                  "bound twice",
		"--raw=group=g,kind=k":          "stream's name must come first",
		"--raw=s,group=g":               "kind is missing",
		"--raw=s,kind=k,weight=0":       "weight",
		"--raw=s,kind=k,color=red":      `unknown setting "color"`,
		"--queues=s --raw=s,kind=k":     "bound twice",
		"--raw=s,kind=k --raw=s,kind=k": "bound twice",
	} {
		if _, err := bound(t, strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", args, err, says)
		}
	}
}
