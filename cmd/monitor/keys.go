package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/apikey"
	"github.com/navvy-go/navvy/internal/command"
	scopes "github.com/navvy-go/navvy/internal/scope"
)

func keysCommand() *cli.Command {
	return &cli.Command{
		Name:      "keys",
		Usage:     "list, make and end the API keys by which programs get in at the gateway",
		ArgsUsage: "[create NAME --scope SCOPE | revoke NAME --yes]",
		Description: `The keys of the namespace are in Redis: one that is made or ended counts at every gateway within two
seconds. create writes the key to stdout, once: it is kept nowhere. The list says when each was last used, give or take
a minute, and no key itself.

The scopes are ` + scopes.Join(scopes.All, ", ") + `.
Those on jobs may be limited to queues, and there to kinds: a name, or how names begin.

Examples:

   monitor keys
   monitor keys create shop --scope jobs:write:orders --scope jobs:read:orders
   monitor keys create mailer --scope 'jobs:write:*/mail.*' --expires 30d > mailer.key
   monitor keys revoke shop --yes`,
		Flags: []cli.Flag{
			jsonFlag(),
			&cli.StringSliceFlag{Name: "scope", Usage: "create: what it may do, a `SCOPE` (may be repeated)"},
			&cli.StringFlag{
				Name: "expires", Value: "90d", Usage: "create: it ends after this `TIME`, such as 90d or 12h; never for no end",
			},
			&cli.BoolFlag{Name: "yes", Usage: "revoke: do it"},
		},
		Action: keys,
	}
}

func keys(c *cli.Context) error {
	switch c.Args().First() {
	case "":
		return listKeys(c)
	case "create":
		return createKey(c)
	case "revoke":
		return revokeKey(c)
	}
	return command.Usage("unexpected argument %q: want create or revoke; see %s --help", c.Args().First(),
		c.Command.HelpName)
}

func listKeys(c *cli.Context) error {
	return withOperator(c, func(o operator) error {
		all, err := o.keys.List(c.Context)
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return printAll(c, all)
		}
		table := command.NewTable(c.App.Writer, "NAME", "SCOPES", "CREATED", "BY", "EXPIRES", "LAST USE")
		for _, k := range all {
			table.Row(k.Name, scopes.Join(k.Scopes, " "), moment(&k.Created), k.CreatedBy, end(k, time.Now()),
				lastUse(k))
		}
		return table.Flush()
	})
}

func end(k apikey.Key, now time.Time) string {
	switch {
	case k.Expires == nil:
		return "never"
	case k.Expired(now):
		return moment(k.Expires) + " (expired)"
	}
	return moment(k.Expires)
}

func lastUse(k apikey.Key) string {
	if k.LastUse == nil {
		return "-"
	}
	return moment(k.LastUse)
}

// madeKey is what create prints with --json.
type madeKey struct {
	apikey.Key
	Secret string `json:"key"`
}

func createKey(c *cli.Context) error {
	args, err := command.Arguments(c, "create", "NAME")
	if err != nil {
		return err
	}
	life, err := apikey.ParseLife(c.String("expires"))
	if err != nil {
		return command.Usage("--expires: %w", err)
	}
	return withOperator(c, func(o operator) error {
		secret, k, err := o.keys.Create(c.Context, apikey.Request{
			Name: args[1], Scopes: c.StringSlice("scope"), Life: life, By: o.who,
		}, time.Now())
		switch {
		case errors.Is(err, apikey.ErrInvalid):
			return command.AsUsage(err)
		case err != nil:
			return err
		}
		warn(c, o.note(c.Context, "key.create", k.Name, k.Says()))
		_, _ = fmt.Fprintf(c.App.ErrWriter, "The API key %s, which is shown only now: %s\n", k.Name, k.Says())
		if c.Bool("json") {
			return command.NewLines(c.App.Writer).Print(madeKey{k, secret})
		}
		_, err = fmt.Fprintln(c.App.Writer, secret)
		return err
	})
}

func revokeKey(c *cli.Context) error {
	args, err := command.Arguments(c, "revoke", "NAME")
	if err != nil {
		return err
	}
	if !c.Bool("yes") {
		return command.Usage("nothing was revoked; add --yes: the programs that use the key %s get in no longer", args[1])
	}
	return withOperator(c, func(o operator) error {
		was, err := o.keys.Revoke(c.Context, args[1])
		if err != nil {
			return err
		}
		warn(c, o.note(c.Context, "key.revoke", was.Name, was.Says()))
		if c.Bool("json") {
			return command.NewLines(c.App.Writer).Print(was)
		}
		_, err = fmt.Fprintf(c.App.Writer, "%s is revoked: it counts no longer within two seconds\n", was.Name)
		return err
	})
}
