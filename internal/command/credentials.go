package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/navvy-go/navvy/internal/credentials"
)

// Grant is the flag of what a line of credentials grants, and what reads it.
type Grant struct {
	Flags []cli.Flag
	Read  func(c *cli.Context) (string, error)
}

// PasswordCommand reads a password and prints its line of credentials.
func PasswordCommand(example string, grant Grant) *cli.Command {
	return &cli.Command{
		Name:      "password",
		Usage:     "read a password and print the line that lets its owner log in",
		ArgsUsage: "NAME",
		Description: "The password comes from the terminal, or from a pipe. Append the line to the file that serve reads." +
			"\n\nExamples:\n\n   " + example,
		Flags: grant.Flags,
		Action: func(c *cli.Context) error {
			name, granted, err := grant.of(c)
			if err != nil {
				return err
			}
			plain, err := readPassword(c)
			if err != nil {
				return err
			}
			line, err := credentials.PasswordLine(name, granted, plain)
			if err != nil {
				return AsUsage(err)
			}
			_, err = fmt.Fprintln(c.App.Writer, line)
			return err
		},
	}
}

// SecretCommand makes a random secret of a program, of a kind such as "a bearer token", and prints its line of
// credentials.
func SecretCommand(kind credentials.Kind, what, note, example string, grant Grant) *cli.Command {
	return &cli.Command{
		Name:      string(kind),
		Usage:     "make " + what + " for a program, and print the line that lets it in",
		ArgsUsage: "NAME",
		Description: "The " + string(kind) + " is written to stderr, once, and kept nowhere; the line goes to stdout." +
			note +
			"\n\nExamples:\n\n   " + example,
		Flags: grant.Flags,
		Action: func(c *cli.Context) error {
			name, granted, err := grant.of(c)
			if err != nil {
				return err
			}
			secret, line, err := credentials.NewSecret(kind, name, granted)
			if err != nil {
				return AsUsage(err)
			}
			fmt.Fprintf(c.App.ErrWriter, "The %s of %s, which is shown only now: %s\n", kind, name, secret)
			_, err = fmt.Fprintln(c.App.Writer, line)
			return err
		},
	}
}

// of returns the name that a command's only argument is, and what it is to be granted.
func (g Grant) of(c *cli.Context) (name, granted string, err error) {
	names, err := Arguments(c, "NAME")
	if err != nil {
		return "", "", err
	}
	if g.Read != nil {
		granted, err = g.Read(c)
	}
	return names[0], granted, AsUsage(err)
}

// readPassword asks on a terminal without echo, and reads one line from anything else.
func readPassword(c *cli.Context) (string, error) {
	if file, ok := c.App.Reader.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprint(c.App.ErrWriter, "Password: ")
		plain, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(c.App.ErrWriter)
		return string(plain), err
	}
	const most = credentials.PasswordMost + len("\r\n") + 1 // one more shows that it is too long
	line, err := bufio.NewReader(io.LimitReader(c.App.Reader, int64(most))).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
