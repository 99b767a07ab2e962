package redistest

import "syscall"

// DieWithParent makes the kernel end a process when the one that started it is killed.
func DieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
