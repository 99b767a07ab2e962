package postgrestest

import "syscall"

// dieWithParent makes the kernel end the server at once when the test binary is killed before it could.
func dieWithParent(attributes *syscall.SysProcAttr) *syscall.SysProcAttr {
	attributes.Pdeathsig = syscall.SIGQUIT
	return attributes
}
