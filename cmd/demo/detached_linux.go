package main

import "syscall"

// detached gives a child its own process group, so that Ctrl-C reaches it only through us and in order, and has the
// kernel end it when we are killed before we could.
func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
