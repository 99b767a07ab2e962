package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// oneStop is how long further signals belong to the first: timeout, make and terminals signal us and our group.
const oneStop = time.Second

// signals returns a context that ends at the first SIGINT or SIGTERM, which asks for an orderly stop, and one that ends
// at another one later, which asks for an immediate one.
func signals() (stopping, killing context.Context, release func()) {
	stopping, stop := context.WithCancel(context.Background())
	killing, kill := context.WithCancel(context.Background())
	received := make(chan os.Signal, 2)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var first time.Time
		for range received {
			switch {
			case first.IsZero():
				first = time.Now()
				stop()
			case time.Since(first) > oneStop:
				kill()
			}
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
