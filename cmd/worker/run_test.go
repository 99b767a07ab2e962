package main

import (
	"context"
	"net"
	"testing"

	"github.com/navvy-go/navvy/internal/command"
)

// A program that is stopped before its Redis has answered did not fail.
func TestStoppedWhileItStarts(t *testing.T) {
	t.Parallel()
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		if conn, err := silent.Accept(); err == nil {
			stop()
			defer conn.Close()
		}
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	args := []string{"worker", "run", "--redis", "redis://" + silent.Addr().String() + "/0"}
	if status := command.Run(ctx, newApp(), args); status != command.StatusDone {
		t.Errorf("exit status %d", status)
	}
}
