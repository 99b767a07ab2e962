package main

import (
	"fmt"
	"os"
	"strings"
	"time"

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
			Name: "gateway",
			Usage: "who charges orders: the `URL` of a simulated gateway (producer gateway), " +
				"or stripe (default: one simulated in this process)",
		},
		&cli.DurationFlag{Name: "gateway-timeout",
			Usage: "how long a call of the gateway may take (default: 10s, stripe 5s)"},
	}
}

// till is the gateway that orders are charged at.
type till struct {
	payment.Gateway
	close func()
	says  string // where the money goes
}

// openGateway returns what --gateway names.
func openGateway(c *cli.Context) (till, error) {
	name, timeout := c.String("gateway"), c.Duration("gateway-timeout")
	switch {
	case timeout < 0:
		return till{}, command.Usage("--gateway-timeout %s: must not be negative", timeout)
	case name == gatewayStripe:
		return openStripe(timeout)
	case name == "":
		return simulateGateway(c, timeout)
	case strings.Contains(name, "://"):
		client, err := simgate.NewClient(name, timeout)
		if err != nil {
			return till{}, command.Usage("--gateway: %w", err)
		}
		return till{client, client.Close, "a simulated gateway at " + name + ": no money moves"}, nil
	default:
		return till{}, command.Usage("--gateway: want a URL such as http://127.0.0.1:9090, or stripe")
	}
}

func openStripe(timeout time.Duration) (till, error) {
	gateway, err := stripegate.New(stripegate.Config{Key: os.Getenv(stripeKeyEnv), Timeout: timeout})
	if err != nil {
		return till{}, command.Usage("%w; set %s", err, stripeKeyEnv)
	}
	return till{gateway, gateway.Close, "stripe, from its test card"}, nil
}

// simulateGateway runs a gateway in this process. It is spoken to as any other, through a socket.
func simulateGateway(c *cli.Context, timeout time.Duration) (till, error) {
	server, err := simgate.NewServer(simgate.Simulation{})
	if err != nil {
		return till{}, err
	}
	listener, err := server.Listen(c.Context, "127.0.0.1:0")
	if err != nil {
		return till{}, err
	}
	client, err := simgate.NewClient(listener.URL, timeout)
	if err != nil {
		return till{}, fmt.Errorf("the worker's own gateway: %w", err)
	}
	closeBoth := func() {
		client.Close()
		_ = listener.Close() // what it served last has ended
	}
	return till{client, closeBoth, "simulated in this process: no money moves; --gateway names another gateway"}, nil
}
