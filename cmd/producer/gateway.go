package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/httpserver"
	"github.com/navvy-go/navvy/jobs/payment/simgate"
)

func gatewayCommand() *cli.Command {
	return &cli.Command{
		Name:  "gateway",
		Usage: "simulate a payment gateway for workers to charge orders at; it needs no Redis",
		Description: `It charges once per idempotency key, keeps a ledger (GET /ledger), and fails as often as the flags
say. A call's fate follows from --seed, its key and how often the key was used. It goes on until Ctrl-C, and prints
what it did as a line of JSON. It has no authentication, and is for the loopback alone.

Examples:

   producer gateway
   producer gateway --latency 50ms --failures 0.01 --timeouts 0.1 --declines 0.02
   worker run --gateway http://127.0.0.1:9090 --gateway-timeout 1s`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "addr", Value: "127.0.0.1:9090", Usage: "`ADDRESS` to listen on; port 0 for a free one"},
			&cli.DurationFlag{Name: "latency", Value: 50 * time.Millisecond, Usage: "how long each call takes"},
			&cli.Float64Flag{Name: "failures", Usage: "`SHARE` of calls, 0 to 1, that fail before anything is charged"},
			&cli.Float64Flag{Name: "timeouts",
				Usage: "`SHARE` of calls, 0 to 1, that are never answered although they are carried out"},
			&cli.Float64Flag{Name: "declines", Usage: "`SHARE` of charges, 0 to 1, that are declined"},
			&cli.Uint64Flag{Name: "seed", Usage: "`NUMBER` that chooses which calls these are"},
		},
		Action: runGateway,
	}
}

// gatewaySummary is what gateway prints at the end.
type gatewaySummary struct {
	Charges int `json:"charges"`
	Refunds int `json:"refunds"`
	simgate.Counts
}

func runGateway(c *cli.Context) error {
	if _, err := command.Arguments(c); err != nil {
		return err
	}
	if addr := c.String("addr"); !httpserver.Loopback(addr) {
		return command.Usage("--addr %s: it has no authentication and is for loopback alone", addr)
	}
	log, err := command.Logger(c)
	if err != nil {
		return err
	}
	server, err := simgate.NewServer(simgate.Simulation{
		Latency: c.Duration("latency"), Failures: c.Float64("failures"), Timeouts: c.Float64("timeouts"),
		Declines: c.Float64("declines"), Seed: c.Uint64("seed"),
	})
	if err != nil {
		return command.AsUsage(err)
	}
	listener, err := server.Listen(c.Context, c.String("addr"))
	if err != nil {
		return fmt.Errorf("%w; choose another address with --addr", err)
	}
	log.Info().Str("url", listener.URL).Msg("gateway is listening: no money moves")
	select {
	case <-c.Context.Done():
	case <-listener.Ended():
	}
	if err := listener.Close(); err != nil {
		return err
	}
	ledger := server.Ledger()
	return command.NewLines(c.App.Writer).Print(gatewaySummary{len(ledger.Charges), len(ledger.Refunds), ledger.Counts})
}
