// Command worker is the fleet's process: it runs the jobs of the catalogue.
package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
)

func main() { os.Exit(command.Main(newApp())) }

func newApp() *cli.App {
	return &cli.App{
		Name:      "worker",
		Usage:     "run jobs from Redis Streams",
		Reader:    os.Stdin,
		Writer:    os.Stdout,
		ErrWriter: os.Stderr,
		Description: `Examples:

   worker run
   worker run --queues orders=5,events=1 --concurrency 100
   worker run --raw orders:queue,group=orders:queue:group,kind=payment.charge
   worker run --queues orders --until-empty
   worker kinds

SIGTERM and Ctrl-C stop it in good order; a second one stops it at once, and other workers take over.
Exit status: 0 done, 1 failed, 2 the call was wrong.`,
		Commands: []*cli.Command{runCommand(), kindsCommand()},
	}
}
