//go:build !linux

package postgrestest

import "syscall"

// dieWithParent: other systems have no such signal.
func dieWithParent(attributes *syscall.SysProcAttr) *syscall.SysProcAttr { return attributes }
