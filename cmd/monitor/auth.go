package main

import (
	"cmp"
	"crypto/rand"
	"net/netip"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/credentials"
)

func authFlags() []cli.Flag {
	return []cli.Flag{
		secondFactorFlag(),
		&cli.StringFlag{Name: "url", Usage: "oidc: browsers reach the dashboard by `URL`, its prefix included"},
		&cli.StringFlag{Name: "oidc-issuer", Usage: "oidc: the provider's `URL`"},
		&cli.StringFlag{Name: "oidc-client", Usage: "oidc: the monitor's client `ID` there"},
		&cli.StringSliceFlag{Name: "operators", Usage: "oidc, proxy: `USER`, @GROUP or * who may act (may be repeated)"},
		&cli.StringSliceFlag{Name: "viewers", Usage: "oidc, proxy: `USER`, @GROUP or * who may look (may be repeated)"},
		&cli.StringSliceFlag{
			Name:  "trusted-proxy",
			Usage: "addresses of proxies in front, as `CIDR`: for X-Forwarded-For, and users of proxy (may be repeated)",
		},
		&cli.StringFlag{Name: "user-header", Value: "X-Forwarded-User", Usage: "proxy: the `HEADER` that names the user"},
	}
}

// authOf builds what the flags ask for. It refuses what would let nobody in.
func authOf(c *cli.Context, server command.Server, people *dashboard.Credentials) (dashboard.Auth, error) {
	if c.IsSet("second-factor") && server.Auth != "password" && len(c.StringSlice("tenant")) == 0 {
		return nil, command.Usage("--second-factor is for passwords, and --auth %s asks for none", server.Auth)
	}
	if server.Auth == "none" {
		return dashboard.Open{}, nil
	}
	sessions := dashboard.Sessions{Key: sessionKey(), Secure: server.HTTPS}
	var auth dashboard.AnyOf
	if people != nil {
		auth = append(auth, dashboard.Tokens{Credentials: people})
		if server.Auth == "password" {
			return with(auth)(passwordsOf(c, people, sessions))
		}
	}
	roles := dashboard.Roles{Viewers: c.StringSlice("viewers"), Operators: c.StringSlice("operators")}
	switch server.Auth {
	case "proxy":
		return proxyAuth(c, auth, roles)
	case "oidc":
		return with(auth)(dashboard.NewOIDC(c.Context, dashboard.OIDCConfig{
			Issuer: c.String("oidc-issuer"), ClientID: c.String("oidc-client"), ClientSecret: os.Getenv("NAVVY_OIDC_SECRET"),
			URL: cmp.Or(c.String("url"), "http://"+server.Addr+c.String("prefix")), Roles: roles, Sessions: sessions,
		}))
	}
	return nil, command.Usage("--credentials FILE is missing: make one with monitor password NAME >> FILE, " +
		"or give --auth none on loopback")
}

// with adds an Auth to those before it, if it could be made.
func with(auth dashboard.AnyOf) func(dashboard.Auth, error) (dashboard.Auth, error) {
	return func(last dashboard.Auth, err error) (dashboard.Auth, error) {
		return append(auth, last), command.AsUsage(err)
	}
}

// trustedProxies are the networks whose headers name users and clients.
func trustedProxies(c *cli.Context) (from []netip.Prefix, err error) {
	for _, text := range c.StringSlice("trusted-proxy") {
		prefix, err := netip.ParsePrefix(text)
		if err != nil || prefix.Bits() <= 0 {
			return nil, command.Usage("--trusted-proxy %s is not a network such as 10.0.0.0/8", text)
		}
		from = append(from, prefix)
	}
	return from, nil
}

func proxyAuth(c *cli.Context, auth dashboard.AnyOf, roles dashboard.Roles) (dashboard.Auth, error) {
	from, err := trustedProxies(c)
	if err != nil {
		return nil, err
	}
	return with(auth)(dashboard.NewProxy(dashboard.Proxy{
		From: from, UserHeader: c.String("user-header"), Roles: roles,
	}))
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
	return command.PasswordCommand("monitor password alice --role operator >> credentials", roleGrant())
}

func tokenCommand() *cli.Command {
	return command.SecretCommand(credentials.Token, "a bearer token", "",
		"monitor token prometheus --role viewer >> credentials",
		roleGrant())
}

func roleGrant() command.Grant {
	return command.Grant{
		Flags: []cli.Flag{&cli.StringFlag{Name: "role", Value: "viewer", Usage: "`ROLE` is viewer or operator"}},
		Read: func(c *cli.Context) (string, error) {
			role, err := dashboard.ParseRole(c.String("role"))
			return role.String(), err
		},
	}
}
