package testserver

import "syscall"

// DieWithParent makes the kernel send a signal to a process when the one that started it is killed. It returns the
// attributes, or new ones for nil.
func DieWithParent(attributes *syscall.SysProcAttr, signal syscall.Signal) *syscall.SysProcAttr {
	if attributes == nil {
		attributes = &syscall.SysProcAttr{}
	}
	attributes.Pdeathsig = signal
	return attributes
}
