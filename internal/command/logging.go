package command

import (
	"context"
	"fmt"
	"io"
	"log/slog"
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

// Slog returns a logger of the standard library that writes to this one, which brings the time itself.
func Slog(log zerolog.Logger) *slog.Logger { return slog.New(untimed{zerolog.NewSlogHandler(log)}) }

// untimed leaves the time of records out: it would stand in each line twice.
type untimed struct{ slog.Handler }

// Handle writes a record.
func (h untimed) Handle(ctx context.Context, r slog.Record) error {
	r.Time = time.Time{}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs adds attributes.
func (h untimed) WithAttrs(attrs []slog.Attr) slog.Handler {
	return untimed{h.Handler.WithAttrs(attrs)}
}

// WithGroup opens a group.
func (h untimed) WithGroup(name string) slog.Handler { return untimed{h.Handler.WithGroup(name)} }

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
