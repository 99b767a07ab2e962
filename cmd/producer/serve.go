package main

import (
	"net/netip"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/httpserver"
	"github.com/navvy-go/navvy/jobs/ratelimit"
	"github.com/navvy-go/navvy/jobs/session"
)

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "serve an HTTP gateway, for apps in any language",
		Description: `It enqueues jobs, reports what became of them, and has routes for the packages under jobs; with
--shop also pages that show them. What there is is described at /openapi.json (OpenAPI 3.1) and in docs/gateway.md.
Errors are problem documents (RFC 9457).

The gateway is closed: programs need an API key or a token (JWT), each with its scopes. API keys are in Redis, where
monitor keys and the dashboard make and end them; keys may also be in a file, as the passwords of the shop's people are,
that producer key and producer password write lines for. --auth keys needs no file and no tokens: the API keys in Redis
are the only way in. --auth none lets everybody in who reaches this machine's loopback, and is refused on any other
address.

Examples:

   producer serve --auth none
   curl -d '{"kind":"payment.charge","data":{"order_id":"o-1","cents":1999}}' -H 'Content-Type: application/json' \
      http://127.0.0.1:8080/v1/queues/orders/jobs

   monitor keys create shop --scope jobs:write:orders --expires 90d
   producer serve --auth keys

   producer key shop --scope jobs:write --scope jobs:read >> credentials
   producer password alice >> credentials
   producer serve --addr :8080 --host jobs.example.com --credentials credentials --tls-cert cert.pem --tls-key key.pem
   producer serve --addr :8080 --host jobs.example.com --behind-tls \
      --jwt-issuer https://id.example.com --jwt-audience navvy \
      --jwks https://id.example.com/.well-known/jwks.json

Secrets come from the environment: NAVVY_GATEWAY_KEY (32 characters or more) signs session cookies, so that people stay
logged in when the gateway restarts; NAVVY_JWT_SECRET (32 characters or more) is what HS256 tokens are signed with. To
change the first, put the new key before the old one, with a comma between. STRIPE_WEBHOOK_SECRET (whsec_…; two with a
comma between while it is rolled) opens POST /webhooks/stripe, where Stripe reports what becomes of payments.`,
		Flags:  serveFlags(),
		Action: serve,
	}
}

func serveFlags() []cli.Flag {
	flags := append(command.ServerFlags("127.0.0.1:8080", "required", "keys", "none"), jwtFlags()...)
	return append(flags,
		&cli.DurationFlag{Name: "retain", Value: time.Hour, Usage: "keep how a job ended that does not say; 0 for not"},
		&cli.IntFlag{
			Name: "max-body", Value: gateway.DefaultMaxBody, Usage: "longest body, or line of a stream, in `BYTES`",
		},
		&cli.IntFlag{
			Name: "max-in-flight", Value: gateway.DefaultMaxInFlight, Usage: "`REQUESTS` at once, notification streams aside",
		},
		&cli.IntFlag{Name: "rate", Value: 100, Usage: "`REQUESTS`, and jobs in them, a second from one caller; 0 for none"},
		&cli.IntFlag{Name: "burst", Value: 1000, Usage: "`REQUESTS` of them at once"},
		&cli.StringSliceFlag{
			Name: "trusted-proxy", Usage: "look behind the proxies in this `CIDR`, in X-Forwarded-For; may be repeated",
		},
		&cli.BoolFlag{Name: "shop", Usage: "serve the pages of the demonstration, too: /pages and /assets"},
		anyKindFlag(),
	)
}

func serve(c *cli.Context) error {
	if _, err := command.Arguments(c); err != nil {
		return err
	}
	log, err := command.Logger(c)
	if err != nil {
		return err
	}
	server, err := command.ReadServer(c)
	if err != nil {
		return err
	}
	cfg, err := serveConfig(c, server)
	if err != nil {
		return err
	}
	cfg.Logger = command.Slog(log)
	rdb, err := command.Redis(c)
	if err != nil {
		return err
	}
	defer rdb.Close()
	cfg.Redis = rdb
	handler, err := gateway.New(cfg)
	if err != nil {
		return command.AsUsage(err)
	}
	if os.Getenv("NAVVY_GATEWAY_KEY") == "" {
		log.Info().Msg("sessions end with this process: set NAVVY_GATEWAY_KEY to keep them")
	}
	err = server.Serve(c, log, "gateway", "", httpserver.Config{Handler: handler, EndStreams: handler.StopStreams})
	if closed := handler.Close(); err == nil {
		err = closed
	}
	if err == nil {
		log.Info().Msg("gateway stopped")
	}
	return err
}

// serveConfig builds what the flags ask for.
func serveConfig(c *cli.Context, server command.Server) (gateway.Config, error) {
	auth, users, err := serveAuth(c, server)
	if err != nil {
		return gateway.Config{}, err
	}
	for _, name := range []string{"max-body", "max-in-flight"} {
		if c.Int(name) < 1 {
			return gateway.Config{}, command.Usage("--%s %d: must be 1 or more", name, c.Int(name))
		}
	}
	keys, err := sessionKeys(os.Getenv("NAVVY_GATEWAY_KEY"))
	if err != nil {
		return gateway.Config{}, err
	}
	proxies, err := trustedProxies(c)
	if err != nil {
		return gateway.Config{}, err
	}
	cfg := gateway.Config{
		ClientIP: ratelimit.ClientIPBehind(proxies...), Shop: c.Bool("shop"),
		Namespace: c.String("namespace"), Auth: auth, Users: users, Keys: keys, Retain: c.Duration("retain"),
		MaxBody: int64(c.Int("max-body")), MaxInFlight: c.Int("max-in-flight"),
		Rate: int64(c.Int("rate")), Burst: int64(c.Int("burst")),
	}
	if secrets := os.Getenv("STRIPE_WEBHOOK_SECRET"); secrets != "" {
		cfg.StripeSecrets = splitList(secrets)
	}
	if known := knownKinds(c); !known.any {
		cfg.Kinds = known.names
	}
	return cfg, nil
}

func trustedProxies(c *cli.Context) (proxies []netip.Prefix, err error) {
	for _, text := range c.StringSlice("trusted-proxy") {
		proxy, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
			proxy, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil || proxy.Bits() <= 0 {
			return nil, command.Usage("--trusted-proxy %s: want an address, or a range such as 10.0.0.0/8", text)
		}
		proxies = append(proxies, proxy)
	}
	return proxies, nil
}

// sessionKeys reads the keys that sign cookies, the one in use first; none makes the gateway take a random one.
func sessionKeys(text string) ([][]byte, error) {
	if text == "" {
		return nil, nil
	}
	var keys [][]byte
	for _, key := range splitList(text) {
		if len(key) < session.MinKey {
			return nil, command.Usage("NAVVY_GATEWAY_KEY: a key has %d characters, %d are needed", len(key), session.MinKey)
		}
		keys = append(keys, []byte(key))
	}
	return keys, nil
}
