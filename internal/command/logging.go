package command

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/visible"
)

const timeFormat = "2006-01-02T15:04:05.000Z07:00" // RFC 3339 with milliseconds

// Logger returns the logger that --log-level and --log-format ask for, to stderr. Its messages carry the time; an
// event without a message brings its own.
func Logger(c *cli.Context) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(c.String("log-level"))
	if err != nil || level == zerolog.NoLevel {
		return zerolog.Nop(), Usage("--log-level %q: want debug, info, warn or error", c.String("log-level"))
	}
	out, err := logWriter(c.App.ErrWriter, c.String("log-format"))
	if err != nil {
		return zerolog.Nop(), err
	}
	return zerolog.New(visible.JSONTo(out)).Level(level).Hook(zerolog.HookFunc(stamp)), nil
}

func stamp(event *zerolog.Event, _ zerolog.Level, message string) {
	if message != "" {
		event.Str(zerolog.TimestampFieldName, time.Now().UTC().Format(timeFormat))
	}
}

// consoleMessage is a message on a console, which quotes all else itself.
func consoleMessage(message any) string {
	if message == nil {
		return ""
	}
	return Printable(fmt.Sprint(message))
}

func logWriter(w io.Writer, format string) (io.Writer, error) {
	switch {
	case format == "console", format == "" && IsTerminal(w):
		return zerolog.ConsoleWriter{
			Out: w, TimeFormat: "15:04:05.000", FormatMessage: consoleMessage,
			NoColor: !IsTerminal(w) || os.Getenv("NO_COLOR") != "",
		}, nil
	case format == "json", format == "":
		return w, nil
	default:
		return nil, Usage("--log-format %q: want console or json", format)
	}
}
