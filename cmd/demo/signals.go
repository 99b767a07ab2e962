package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signals returns a context that ends at the first SIGINT or SIGTERM, which asks for an orderly stop, and one that ends
// at the second, which asks for an immediate one.
func signals() (stopping, killing context.Context, release func()) {
	stopping, stop := context.WithCancel(context.Background())
	killing, kill := context.WithCancel(context.Background())
	received := make(chan os.Signal, 2)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range received {
			if stopping.Err() != nil {
				kill()
			}
			stop()
		}
	}()
	return stopping, killing, func() {
		signal.Stop(received)
		close(received)
		<-ended
		stop()
		kill()
	}
}
