// Package command is what the three programs have in common: flags, exit statuses, errors, logs and output.
//
// A program ends with 0 when it did what it was asked, with 1 when that failed, and with 2 when the call itself was
// wrong. An error is one line on stderr: what happened, and what to do next.
package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9/logging"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/visible"
)

// Exit statuses.
const (
	StatusDone   = 0
	StatusFailed = 1
	StatusUsage  = 2
)

// Main runs a program with the process's arguments and returns its exit status. The first SIGINT or SIGTERM ends the
// context, so that the program stops in good order; the second ends the process at once.
func Main(app *cli.App) int {
	logging.Disable() // go-redis would write lines of its own to stderr; what fails is in the error
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return Run(ctx, app, os.Args)
}

// Run runs a program with args, the first of which is its name, and returns its exit status.
func Run(ctx context.Context, app *cli.App, args []string) int {
	prepare(app)
	arranged, err := arrange(app, args)
	if err == nil {
		err = app.RunContext(ctx, arranged)
	}
	if err == nil {
		return StatusDone
	}
	fmt.Fprintf(app.ErrWriter, "%s: %s\n", app.Name, oneLine(err))
	if IsUsage(err) {
		return StatusUsage
	}
	return StatusFailed
}

type usageError struct{ cause error }

func (e *usageError) Error() string { return e.cause.Error() }
func (e *usageError) Unwrap() error { return e.cause }

// Usage makes an error that says that the call was wrong: the exit status is 2.
func Usage(format string, args ...any) error { return AsUsage(fmt.Errorf(format, args...)) }

// AsUsage marks err as one of the call itself. It returns nil for nil.
func AsUsage(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{cause: err}
}

// IsUsage reports whether err is one of the call itself.
func IsUsage(err error) bool {
	var usage *usageError
	return errors.As(err, &usage)
}

// Arguments returns the n positional arguments that names describe, or says which one is missing or too much.
func Arguments(c *cli.Context, names ...string) ([]string, error) {
	given := c.Args().Slice()
	if len(given) < len(names) {
		return nil, Usage("%s is missing; see %s --help", names[len(given)], c.Command.HelpName)
	}
	if len(given) > len(names) {
		return nil, Usage("unexpected argument %q; see %s --help", given[len(names)], c.Command.HelpName)
	}
	for i, value := range given {
		if value == "" {
			return nil, Usage("%s is empty; see %s --help", names[i], c.Command.HelpName)
		}
	}
	return given, nil
}

// errorMost is how many characters of an error are printed: some name what somebody else has written.
const errorMost = 4000

// oneLine keeps an error with a stack or a joined error on one line.
func oneLine(err error) string {
	lines := strings.FieldsFunc(visible.Cut(err.Error(), errorMost), func(r rune) bool { return r == '\n' || r == '\r' })
	return Printable(strings.Join(lines, "; "))
}
