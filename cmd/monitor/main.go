// Command monitor shows what is in the queues and lets a person act on it.
package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
)

func main() { os.Exit(command.Main(newApp())) }

func newApp() *cli.App {
	return &cli.App{
		Name:      "monitor",
		Usage:     "inspect and control queues and jobs on Redis Streams",
		Reader:    os.Stdin,
		Writer:    os.Stdout,
		ErrWriter: os.Stderr,
		Description: `Examples:

   monitor queues
   monitor pending orders --json
   monitor job 01K9ZJ7Y3T4Q5R6S7T8V9W0X1Y
   monitor pending orders --filter 'is:stuck args.order_id:o-1'
   monitor requeue orders --filter 'kind:payment.charge error:"timed out"' --yes
   monitor pause orders
   monitor quiet worker-7
   monitor verify orders
   monitor top
   monitor serve --auth none

Waiting is not delivered yet; pending (in flight) is delivered and not finished.
Exit status: 0 done, 1 failed, 2 the call was wrong.`,
		Commands: append([]*cli.Command{
			queuesCommand(), workersCommand(), waitingCommand(), pendingCommand(), delayedCommand(), deadCommand(),
			cancelledCommand(), expiredCommand(),
			jobCommand(), pauseCommand(), resumeCommand(), purgeCommand(), sweepCommand(), forgetCommand(),
			verifyCommand(), topCommand(), serveCommand(), passwordCommand(), totpCommand(), tokenCommand(),
			auditCommand(), keysCommand(), cronCommand(), rescheduleCommand(),
			editCommand(),
		}, append(workerCommands(), actionCommands()...)...),
	}
}
