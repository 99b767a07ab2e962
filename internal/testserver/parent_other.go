//go:build !linux

package testserver

import "syscall"

// DieWithParent has no means here: other systems have no such signal.
func DieWithParent(attributes *syscall.SysProcAttr, _ syscall.Signal) *syscall.SysProcAttr {
	return attributes
}
