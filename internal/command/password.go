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
)

// ReadPassword asks on a terminal without echo, and reads one line from anything else.
func ReadPassword(c *cli.Context) (string, error) {
	if file, ok := c.App.Reader.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprint(c.App.ErrWriter, "Password: ")
		plain, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(c.App.ErrWriter)
		return string(plain), err
	}
	line, err := bufio.NewReader(io.LimitReader(c.App.Reader, 1024)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
