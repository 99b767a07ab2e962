package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/simgate"
	"github.com/navvy-go/navvy/jobs/payment/stripegate"
)

const (
	gatewayStripe = "stripe"
	stripeKeyEnv  = "STRIPE_API_KEY" // not a flag: arguments can be read by everybody on the machine
)

func gatewayFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name: "gateway", Usage: "who charges orders: the `URL` of a simulated gateway (producer gateway), or stripe (default: one simulated in this process)",
		},
		&cli.DurationFlag{Name: "gateway-timeout", Usage: "how long a call of the gateway may take (default: 10s, stripe 5s)"},
	}
}

// openGateway returns what --gateway names, and what closes it.
func openGateway(c *cli.Context, log zerolog.Logger) (payment.Gateway, func(), error) {
	name, timeout := c.String("gateway"), c.Duration("gateway-timeout")
	switch {
	case timeout < 0:
		return nil, nil, command.Usage("--gateway-timeout %s: must not be negative", timeout)
	case name == gatewayStripe:
		return openStripe(timeout, log)
	case name == "":
		return simulateGateway(c, timeout, log)
	case strings.Contains(name, "://"):
		client, err := simgate.NewClient(name, timeout)
		if err != nil {
			return nil, nil, command.Usage("--gateway: %w", err)
		}
		log.Info().Str("url", name).Msg("payments go to a simulated gateway: no money moves")
		return client, client.Close, nil
	default:
		return nil, nil, command.Usage("--gateway: want a URL such as http://127.0.0.1:9090, or stripe")
	}
}

func openStripe(timeout time.Duration, log zerolog.Logger) (payment.Gateway, func(), error) {
	gateway, err := stripegate.New(stripegate.Config{Key: os.Getenv(stripeKeyEnv), Timeout: timeout})
	if err != nil {
		return nil, nil, command.Usage("%w; set %s", err, stripeKeyEnv)
	}
	log.Info().Msg("payments go to stripe, from its test card")
	return gateway, gateway.Close, nil
}

// simulateGateway runs a gateway in this process. It is spoken to as any other, through a socket.
func simulateGateway(c *cli.Context, timeout time.Duration, log zerolog.Logger) (payment.Gateway, func(), error) {
	server, err := simgate.NewServer(simgate.Simulation{})
	if err != nil {
		return nil, nil, err
	}
	listener, err := server.Listen(c.Context, "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	client, err := simgate.NewClient(listener.URL, timeout)
	if err != nil {
		return nil, nil, fmt.Errorf("the worker's own gateway: %w", err)
	}
	log.Info().Str("url", listener.URL).Msg("payments are simulated in this process: no money moves; --gateway names another gateway")
	return client, func() {
		client.Close()
		_ = listener.Close() // what it served last has ended
	}, nil
}
