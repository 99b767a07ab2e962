package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
)

func TestLoggerFormatsAndLevels(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args   []string
		status int
		check  func(string) bool
	}{
		{[]string{"--log-format", "json"}, 0, isJSONWithTime},
		{nil, 0, isJSONWithTime}, // stderr is no terminal here
		{[]string{"--log-format", "console"}, 0, func(s string) bool { return strings.Contains(s, "INF hello") }},
		{[]string{"--log-level", "warn"}, 0, func(s string) bool { return s == "" }},
		{[]string{"--log-level", "loud"}, 2, func(s string) bool { return strings.Contains(s, `--log-level "loud"`) }},
		{[]string{"--log-format", "xml"}, 2, func(s string) bool { return strings.Contains(s, `--log-format "xml"`) }},
	} {
		app, _, errs := program(func(c *cli.Context) error {
			log, err := Logger(c)
			log.Info().Msg("hello")
			return err
		})
		if got := Run(t.Context(), app, append([]string{"prog", "act"}, test.args...)); got != test.status {
			t.Errorf("%v: status %d, want %d", test.args, got, test.status)
		}
		if !test.check(errs.String()) {
			t.Errorf("%v: stderr %q", test.args, errs)
		}
	}
}

func isJSONWithTime(text string) bool {
	var entry struct {
		Time    time.Time
		Message string
	}
	return json.Unmarshal([]byte(text), &entry) == nil && entry.Message == "hello" && !entry.Time.IsZero()
}

func TestProgressIsPlainWithoutATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := NewProgress(&out, "load", 200)
	p.Set(50, "50 enqueued")
	if out.Len() > 0 {
		t.Errorf("a line before the interval was over: %q", out.String())
	}
	p.every = 0
	p.Set(100, "100 enqueued")
	p.Done()
	if got, want := out.String(), "load: 100 enqueued (50 %)\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProgressIsABarOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &Progress{w: &out, what: "load", total: 200, bar: newBar(&out, "load", 200)}
	p.Set(50, "50 enqueued")
	p.Set(200, "200 enqueued")
	p.Done()
	if got := out.String(); !strings.Contains(got, "\r") || !strings.Contains(got, "25%") {
		t.Errorf("no bar: %q", got)
	}
}

func TestIsTerminal(t *testing.T) {
	t.Parallel()
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if IsTerminal(file) || IsTerminal(&bytes.Buffer{}) {
		t.Error("a file or a buffer counts as a terminal")
	}
}

func TestTableKeepsTheTerminalSafe(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	table := NewTable(&out, "ID", "ERROR")
	table.Row("j-1", "red\x1b[31m\tand\nmore\u009b")
	table.Row("j-234", 7)
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "ID     ERROR\nj-1    red [31m and more \nj-234  7\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "-", 1500 * time.Microsecond: "2ms", 1234 * time.Millisecond: "1.2s", time.Minute: "1m", time.Hour: "1h",
		24 * time.Hour: "24h", 90*time.Minute + 400*time.Millisecond: "1h30m", 10 * time.Second: "10s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%s) = %s, want %s", time.Duration(d), got, want)
		}
	}
}

// Marks of direction change what a person reads, in lists, lines of JSON, logs and messages alike.
func TestOutputShowsWhatIsThere(t *testing.T) {
	t.Parallel()
	const text = "a\u202eb\u009b\u200bc"
	for _, format := range []string{"json", "console"} {
		app, out, errs := program(func(c *cli.Context) error {
			table := NewTable(c.App.Writer, "NAME")
			table.Row(text)
			log, err := Logger(c)
			log.Warn().Str("name", text).Err(errors.New(text)).Msg(text)
			return errors.Join(err, table.Flush(), NewLines(c.App.Writer).Print(map[string]string{"name": text}),
				errors.New(text))
		})
		if got := Run(t.Context(), app, []string{"prog", "act", "--log-format", format}); got != StatusFailed {
			t.Errorf("status %d", got)
		}
		for _, written := range []string{out.String(), errs.String()} {
			if strings.ContainsAny(written, "\u202e\u009b\u200b") || !strings.Contains(written, `\u202e`) {
				t.Errorf("%s: %q", format, written)
			}
		}
	}
}

// What others have written makes no line of a table, and no error, longer than a person reads.
func TestOutputIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("größe", 200_000)
	var out bytes.Buffer
	table := NewTable(&out, "ID", "KIND")
	for _, kind := range []string{"k", long, "k\x1b[31m\u202e"} {
		table.Row(kind, "x")
	}
	if err := table.Flush(); err != nil || out.Len() > 2000 || strings.ContainsAny(out.String(), "\x1b\u202e") {
		t.Errorf("%d bytes, %v: %.300q", out.Len(), err, out.String())
	}
	app, _, errs := program(func(*cli.Context) error { return errors.New(long + "\x1b") })
	if Run(t.Context(), app, []string{"prog", "act"}) != StatusFailed || errs.Len() > 10_000 ||
		!strings.HasPrefix(errs.String(), "prog: größe") || strings.Count(errs.String(), "\n") != 1 {
		t.Errorf("%d bytes: %.100q", errs.Len(), errs.String())
	}
}
