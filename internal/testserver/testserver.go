// Package testserver has what tests need to start a server of any kind: a free port, and an end with the test binary.
package testserver

import "net"

// FreePort returns a TCP port of the loopback that nothing listens on now. Another process may take it meanwhile.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
