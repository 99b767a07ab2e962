package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/httpserver"
)

func serveAuthFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "auth", Value: "required", Usage: "`HOW` programs get in: required (a key or a token), or none"},
		&cli.StringFlag{Name: "credentials", Usage: "API keys, and passwords of people, are in `FILE`", EnvVars: []string{"NAVVY_GATEWAY_CREDENTIALS"}},
		&cli.StringFlag{Name: "jwt-issuer", Usage: "take tokens of this issuer, whose `NAME` is in iss"},
		&cli.StringFlag{Name: "jwt-audience", Usage: "that are meant for this service, whose `NAME` is in aud"},
		&cli.StringFlag{Name: "jwks", Usage: "and signed with one of the public keys at `URL`, or in a file (RS256, ES256, EdDSA)"},
		&cli.StringFlag{Name: "jwt-key", Usage: "or with the public key in `FILE` (PEM)"},
	}
}

// serveAuth builds what the flags ask for. It refuses what would leave the gateway open, or send keys in the clear.
func serveAuth(c *cli.Context) (gateway.Auth, gateway.Users, error) {
	loopback := httpserver.Loopback(c.String("addr"))
	credentials, err := readCredentials(c)
	if err != nil {
		return nil, nil, err
	}
	var users gateway.Users
	var auth gateway.AnyOf
	if credentials != nil {
		users, auth = credentials, append(auth, credentials)
	}
	switch c.String("auth") {
	case "none":
		if !loopback {
			return nil, nil, command.Usage("--auth none is for loopback alone, and --addr is %s", c.String("addr"))
		}
		return gateway.Open{}, users, nil
	case "required":
	default:
		return nil, nil, command.Usage("--auth %s is neither required nor none", c.String("auth"))
	}
	if !loopback && !c.Bool("behind-tls") && c.String("tls-cert") == "" {
		return nil, nil, command.Usage("keys would travel in the clear: add --tls-cert and --tls-key, or --behind-tls where a proxy ends https")
	}
	tokens, err := readTokens(c)
	if err != nil {
		return nil, nil, err
	}
	if tokens != nil {
		auth = append(auth, tokens)
	}
	if len(auth) == 0 {
		return nil, nil, command.Usage("nobody could get in: give --credentials FILE (see producer key --help), or --jwt-issuer and what goes with it, or --auth none on loopback")
	}
	return auth, users, nil
}

func readCredentials(c *cli.Context) (*gateway.Credentials, error) {
	if c.String("credentials") == "" {
		return nil, nil
	}
	read, err := gateway.ReadCredentials(c.String("credentials"))
	return read, command.AsUsage(err)
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
		if cfg.PEM, err = os.ReadFile(file); err != nil {
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
	return &cli.Command{
		Name:      "key",
		Usage:     "make an API key for a program, and print the line that lets it in",
		ArgsUsage: "NAME",
		Description: `The key is written to stderr, once, and kept nowhere; the line goes to stdout. The scopes are ` + scopeNames() + `.

Examples:

   producer key shop --scope jobs:write --scope jobs:read >> credentials`,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "scope", Usage: "what it may do: a `SCOPE` (may be repeated)"},
		},
		Action: func(c *cli.Context) error {
			names, err := command.Arguments(c, "NAME")
			if err != nil {
				return err
			}
			scopes, err := gateway.ParseScopes(c.StringSlice("scope"))
			if err != nil {
				return command.AsUsage(err)
			}
			key, line, err := gateway.NewKey(names[0], scopes)
			if err != nil {
				return command.AsUsage(err)
			}
			fmt.Fprintf(c.App.ErrWriter, "The key of %s, which is shown only now: %s\n", names[0], key)
			_, err = fmt.Fprintln(c.App.Writer, line)
			return err
		},
	}
}

func scopeNames() string {
	names := make([]string, len(gateway.Scopes))
	for i, scope := range gateway.Scopes {
		names[i] = string(scope)
	}
	return strings.Join(names, ", ")
}

func passwordCommand() *cli.Command {
	return &cli.Command{
		Name:      "password",
		Usage:     "read a password and print the line that lets its owner log in",
		ArgsUsage: "NAME",
		Description: `The password comes from the terminal, or from a pipe. Append the line to the file that serve reads.

Examples:

   producer password alice >> credentials`,
		Action: func(c *cli.Context) error {
			names, err := command.Arguments(c, "NAME")
			if err != nil {
				return err
			}
			plain, err := command.ReadPassword(c)
			if err != nil {
				return err
			}
			line, err := gateway.PasswordLine(names[0], plain)
			if err == nil {
				_, err = fmt.Fprintln(c.App.Writer, line)
			}
			return command.AsUsage(err)
		},
	}
}
