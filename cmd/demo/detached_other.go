//go:build !linux

package main

import "syscall"

// detached gives a child its own process group, so that Ctrl-C reaches it only through us and in order.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
