//go:build !linux

package redistest

import "syscall"

// DieWithParent has no means here: other systems have no such signal.
func DieWithParent() *syscall.SysProcAttr { return nil }
