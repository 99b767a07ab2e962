package command

import (
	"os"

	"golang.org/x/term"
)

// IsTerminal reports whether a person sees what is written to stream, or types what is read from it. It decides about
// colours, progress bars and full-screen views.
func IsTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
