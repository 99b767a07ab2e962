package command

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/redisurl"
	"github.com/navvy-go/navvy/queue"
)

const listSeparator = ";" // of a list flag's values in an environment variable; a comma is part of --raw's value

// globalFlags are the flags of every program. They may stand before or after the command.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name: "redis", Value: redisurl.Default, EnvVars: []string{"REDIS_URL"},
			Usage: "`URL` of Redis: redis://, rediss://, unix://, redis-cluster://host:port,host:port or " +
				"redis-sentinel://host:port,host:port/master?db=0",
		},
		&cli.StringFlag{Name: "namespace", Value: queue.DefaultNamespace, Usage: "what every key begins with"},
		&cli.StringFlag{Name: "log-level", Value: "info", Usage: "`LEVEL` debug, info, warn or error"},
		&cli.StringFlag{Name: "log-format", Usage: "`FORMAT` console or json (default: console on a terminal, else json)"},
	}
}

// oneCallOnly are the flags that say what a single call does: set for every call by an environment variable they
// would destroy or repeat what nobody meant.
var oneCallOnly = map[string]bool{"all": true, "yes": true, "id": true, "cursor": true, "help": true, "version": true}

// prepare gives a program and all its commands what they have in common.
func prepare(app *cli.App) {
	app.Flags = append(globalFlags(), &cli.BoolFlag{Name: "version", Usage: "print the version"}, helpFlag())
	app.HideHelp = true // the library's own flag is shared by everything in the process; helpFlag takes its place
	app.EnableBashCompletion = true
	app.SliceFlagSeparator = listSeparator
	app.ExitErrHandler = func(*cli.Context, error) {} // Run prints the error
	app.OnUsageError = usage
	app.Action = noCommand
	app.Commands = append(app.Commands, completionCommand())
	environment(app.Flags)
	for _, command := range app.Commands {
		command.OnUsageError = usage
		command.HideHelp = true
		command.Flags = append(command.Flags, helpFlag())
		environment(command.Flags)
	}
}

// environment lets NAVVY_<FLAG> set each flag that has no variable yet.
func environment(flags []cli.Flag) {
	for _, flag := range flags {
		name := flag.Names()[0]
		if oneCallOnly[name] {
			continue
		}
		// The field is the same in all the types of the library's flags, which no interface gives access to.
		if have := reflect.ValueOf(flag).Elem().FieldByName("EnvVars"); have.Len() == 0 {
			have.Set(reflect.ValueOf([]string{"NAVVY_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))}))
		}
	}
}

func helpFlag() cli.Flag {
	return &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show this help"}
}

func usage(c *cli.Context, err error, _ bool) error {
	return Usage("%w; see %s --help", err, c.Command.HelpName)
}

func noCommand(c *cli.Context) error {
	if c.Bool("version") {
		_, err := fmt.Fprintln(c.App.Writer, c.App.Name, version())
		return err
	}
	if name := c.Args().First(); name != "" {
		return Usage("unknown command %q; see %s --help", name, c.App.Name)
	}
	return Usage("no command given; see %s --help", c.App.Name)
}
