package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/credentials"
	"github.com/navvy-go/navvy/internal/scope"
	"github.com/navvy-go/navvy/internal/secretfile"
)

func jwtFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "jwt-issuer", Usage: "take tokens of this issuer, whose `NAME` is in iss"},
		&cli.StringFlag{Name: "jwt-audience", Usage: "that are meant for this service, whose `NAME` is in aud"},
		&cli.StringFlag{
			Name: "jwks", Usage: "and signed with one of the public keys at `URL`, or in a file (RS256, ES256, EdDSA)",
		},
		&cli.StringFlag{Name: "jwt-key", Usage: "or with the public key in `FILE` (PEM)"},
	}
}

// serveAuth builds what the flags ask for. It refuses what would let nobody in.
func serveAuth(c *cli.Context, server command.Server) (gateway.Auth, gateway.Users, error) {
	var users gateway.Users
	var auth gateway.AnyOf
	if server.Credentials != "" {
		read, err := gateway.ReadCredentials(server.Credentials)
		if err != nil {
			return nil, nil, command.AsUsage(err)
		}
		users, auth = read, append(auth, read)
	}
	if server.Auth == "none" {
		return gateway.Open{}, users, nil
	}
	tokens, err := readTokens(c)
	if err != nil {
		return nil, nil, err
	}
	if tokens != nil {
		auth = append(auth, tokens)
	}
	if len(auth) == 0 && server.Auth != "keys" {
		return nil, nil, command.Usage("nobody could get in: give --credentials FILE (see producer key --help), " +
			"or --jwt-issuer and what goes with it, or --auth keys for the API keys of monitor keys alone, " +
			"or --auth none on loopback")
	}
	return auth, users, nil
}

// readTokens returns nil where no tokens are taken.
func readTokens(c *cli.Context) (*gateway.JWT, error) {
	secret := os.Getenv("NAVVY_JWT_SECRET")
	if c.String("jwt-issuer")+c.String("jwt-audience")+c.String("jwks")+c.String("jwt-key")+secret == "" {
		return nil, nil
	}
	cfg := gateway.JWTConfig{
		Issuer: c.String("jwt-issuer"), Audience: c.String("jwt-audience"), Secret: []byte(secret),
	}
	if file := c.String("jwt-key"); file != "" {
		var err error
		if cfg.PEM, err = secretfile.ReadPublic(file); err != nil {
			return nil, command.Usage("--jwt-key: %w", err)
		}
	}
	if where := c.String("jwks"); where != "" {
		var err error
		if cfg.Set, err = gateway.NewKeySet(c.Context, where); err != nil {
			return nil, fmt.Errorf("--jwks: %w", err)
		}
	}
	tokens, err := gateway.NewJWT(cfg)
	return tokens, command.AsUsage(err)
}

// splitList takes a list with commas apart.
func splitList(text string) []string {
	words := strings.Split(text, ",")
	for i := range words {
		words[i] = strings.TrimSpace(words[i])
	}
	return words
}

func keyCommand() *cli.Command {
	return command.SecretCommand(credentials.Key, "an API key", " The scopes are "+scope.Join(scope.All, ", ")+
		"; those on jobs may be limited to queues and kinds, as in jobs:write:orders/mail.send or jobs:read:shop-*.",
		"producer key shop --scope jobs:write --scope jobs:read >> credentials",
		command.Grant{
			Flags: []cli.Flag{&cli.StringSliceFlag{Name: "scope", Usage: "what it may do: a `SCOPE` (may be repeated)"}},
			Read: func(c *cli.Context) (string, error) {
				asked := c.StringSlice("scope")
				_, err := scope.Parse(asked)
				return strings.Join(asked, ","), err
			},
		})
}

func passwordCommand() *cli.Command {
	return command.PasswordCommand("producer password alice >> credentials", command.Grant{})
}
