//go:build !unix

package credentials

import "os"

// pipe stands for one where there are none.
func pipe(path string) error { return os.Mkdir(path, 0o700) }
