// Command producer enqueues jobs: one from the shell, many from a file, or a simulated shop's, and serves the HTTP
// gateway by which apps in any language do. It also simulates the payment gateway that a fleet charges the orders at.
package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
)

func main() { os.Exit(command.Main(newApp())) }

func newApp() *cli.App {
	return &cli.App{
		Name:      "producer",
		Usage:     "enqueue jobs on Redis Streams",
		Reader:    os.Stdin,
		Writer:    os.Stdout,
		ErrWriter: os.Stderr,
		Description: `Examples:

   producer enqueue payment.charge --queue orders --data '{"order_id":"o-1","cents":1999}'
   producer enqueue payment.charge --queue orders --data @order.json --in 5m
   producer load charges.jsonl --queue orders --kind payment.charge
   producer simulate --orders 20 --events 50
   producer serve --addr :8080 --credentials credentials --behind-tls
   producer gateway --addr 127.0.0.1:9090 --latency 50ms --timeouts 0.1

Exit status: 0 done, 1 failed, 2 the call was wrong.`,
		Commands: []*cli.Command{
			enqueueCommand(), loadCommand(), simulateCommand(), serveCommand(), keyCommand(), passwordCommand(),
			gatewayCommand(),
		},
	}
}
