package main

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/netip"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/httpserver"
)

func authFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "auth", Value: "password", Usage: "`HOW` people get in: password, oidc, proxy or none"},
		&cli.StringFlag{Name: "credentials", Usage: "passwords and bearer tokens are in `FILE`",
			EnvVars: []string{"NAVVY_CREDENTIALS"}},
		&cli.BoolFlag{Name: "behind-tls", Usage: "browsers reach this by https, through a proxy that ends it"},
		&cli.StringFlag{Name: "url", Usage: "oidc: browsers reach the dashboard by `URL`, its prefix included"},
		&cli.StringFlag{Name: "oidc-issuer", Usage: "oidc: the provider's `URL`"},
		&cli.StringFlag{Name: "oidc-client", Usage: "oidc: the monitor's client `ID` there"},
		&cli.StringSliceFlag{Name: "operators", Usage: "oidc, proxy: `USER`, @GROUP or * who may act (may be repeated)"},
		&cli.StringSliceFlag{Name: "viewers", Usage: "oidc, proxy: `USER`, @GROUP or * who may look (may be repeated)"},
		&cli.StringSliceFlag{Name: "trusted-proxy", Usage: "proxy: its addresses, as `CIDR` (may be repeated)"},
		&cli.StringFlag{Name: "user-header", Value: "X-Forwarded-User", Usage: "proxy: the `HEADER` that names the user"},
	}
}

// authOf builds what the flags ask for. It refuses what would leave the dashboard open, or send passwords in the clear.
func authOf(c *cli.Context) (dashboard.Auth, error) {
	how := c.String("auth")
	if how == "none" {
		if !httpserver.Loopback(c.String("addr")) {
			return nil, command.Usage("--auth none is for loopback alone, and --addr is %s", c.String("addr"))
		}
		return dashboard.Open{}, nil
	}
	secure := byHTTPS(c)
	if !secure && how != "proxy" && !httpserver.Loopback(c.String("addr")) {
		return nil, command.Usage("credentials would travel in the clear: add --tls-cert and --tls-key, " +
			"or --behind-tls if a proxy ends https")
	}
	sessions := dashboard.Sessions{Key: sessionKey(), Secure: secure}
	var auth dashboard.AnyOf
	if file := c.String("credentials"); file != "" {
		credentials, err := dashboard.ReadCredentials(file)
		if err != nil {
			return nil, command.AsUsage(err)
		}
		auth = append(auth, dashboard.Tokens{Credentials: credentials})
		if how == "password" {
			return with(auth)(dashboard.NewPasswords(credentials, sessions))
		}
	}
	roles := dashboard.Roles{Viewers: c.StringSlice("viewers"), Operators: c.StringSlice("operators")}
	switch how {
	case "password":
		return nil, command.Usage("--credentials FILE is missing: make one with monitor password NAME >> FILE, " +
			"or give --auth none on loopback")
	case "proxy":
		return proxyAuth(c, auth, roles)
	case "oidc":
		return with(auth)(dashboard.NewOIDC(c.Context, dashboard.OIDCConfig{
			Issuer: c.String("oidc-issuer"), ClientID: c.String("oidc-client"), ClientSecret: os.Getenv("NAVVY_OIDC_SECRET"),
			URL: cmp.Or(c.String("url"), "http://"+c.String("addr")+c.String("prefix")), Roles: roles, Sessions: sessions,
		}))
	}
	return nil, command.Usage("--auth %s is none of password, oidc, proxy and none", how)
}

// byHTTPS reports whether browsers reach the monitor by https.
func byHTTPS(c *cli.Context) bool { return c.Bool("behind-tls") || c.String("tls-cert") != "" }

// with adds an Auth to those before it, if it could be made.
func with(auth dashboard.AnyOf) func(dashboard.Auth, error) (dashboard.Auth, error) {
	return func(last dashboard.Auth, err error) (dashboard.Auth, error) {
		return append(auth, last), command.AsUsage(err)
	}
}

func proxyAuth(c *cli.Context, auth dashboard.AnyOf, roles dashboard.Roles) (dashboard.Auth, error) {
	var from []netip.Prefix
	for _, text := range c.StringSlice("trusted-proxy") {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, command.Usage("--trusted-proxy %s is not a network such as 10.0.0.0/8", text)
		}
		from = append(from, prefix)
	}
	return with(auth)(dashboard.NewProxy(dashboard.Proxy{From: from, UserHeader: c.String("user-header"), Roles: roles}))
}

func sessionKey() []byte {
	if key := signingKey(); len(key) > 0 {
		return key
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key
}

func passwordCommand() *cli.Command {
	return &cli.Command{
		Name:      "password",
		Usage:     "read a password and print the line that lets its owner in",
		ArgsUsage: "NAME",
		Description: `The password comes from the terminal, or from a pipe. Append the line to the file that serve reads.

Examples:

   monitor password alice --role operator >> credentials`,
		Flags: []cli.Flag{roleFlag()},
		Action: func(c *cli.Context) error {
			user, err := namedUser(c)
			if err != nil {
				return err
			}
			plain, err := command.ReadPassword(c)
			if err != nil {
				return err
			}
			line, err := dashboard.PasswordLine(user, plain)
			if err == nil {
				_, err = fmt.Fprintln(c.App.Writer, line)
			}
			return command.AsUsage(err)
		},
	}
}

func tokenCommand() *cli.Command {
	return &cli.Command{
		Name:      "token",
		Usage:     "make a bearer token for a program, and print the line that lets it in",
		ArgsUsage: "NAME",
		Description: `The token is written to stderr, once, and kept nowhere; the line goes to stdout.

Examples:

   monitor token prometheus --role viewer >> credentials`,
		Flags: []cli.Flag{roleFlag()},
		Action: func(c *cli.Context) error {
			user, err := namedUser(c)
			if err != nil {
				return err
			}
			token, line, err := dashboard.NewToken(user)
			if err != nil {
				return command.AsUsage(err)
			}
			fmt.Fprintf(c.App.ErrWriter, "The token of %s, which is shown only now: %s\n", user.Name, token)
			_, err = fmt.Fprintln(c.App.Writer, line)
			return err
		},
	}
}

func roleFlag() cli.Flag {
	return &cli.StringFlag{Name: "role", Value: "viewer", Usage: "`ROLE` is viewer or operator"}
}

func namedUser(c *cli.Context) (dashboard.User, error) {
	names, err := command.Arguments(c, "NAME")
	if err != nil {
		return dashboard.User{}, err
	}
	role, err := dashboard.ParseRole(c.String("role"))
	return dashboard.User{Name: names[0], Role: role}, command.AsUsage(err)
}
