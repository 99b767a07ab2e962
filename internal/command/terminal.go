package command

import (
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal tells whether a person sees what is written to w. It decides about colours and progress bars.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
