package command

import (
	"flag"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts the flags where the cli library wants them, global ones before the command and its own before its
// arguments, so that people may write them anywhere: producer enqueue KIND --queue Q --redis URL. It reads them as the
// library does, by package flag, which stops at each argument.
func arrange(app *cli.App, args []string) ([]string, error) {
	if len(args) == 0 || args[len(args)-1] == "--generate-bash-completion" {
		return args, nil
	}
	line, literal := args[1:], []string(nil)
	if end := slices.Index(line, "--"); end >= 0 {
		line, literal = line[:end], line[end+1:]
	}
	var global, command, own, positional []string
	set := flagSet(app.Flags, &global)
	for {
		if err := set.Parse(line); err != nil {
			return nil, Usage("%w; see %s --help", err, strings.Join(append([]string{app.Name}, command...), " "))
		}
		if set.NArg() == 0 {
			break
		}
		word := set.Arg(0)
		line = set.Args()[1:]
		if found := app.Command(word); found != nil && command == nil && positional == nil {
			command, set = []string{found.Name}, flagSet(found.Flags, &own)
			declare(set, app.Flags, &global)
		} else {
			positional = append(positional, word)
		}
	}
	if positional = append(positional, literal...); len(positional) > 0 {
		positional = slices.Insert(positional, 0, "--")
	}
	return slices.Concat(args[:1], global, command, own, positional), nil
}

// flagSet reads flags and appends them to into, each as one word.
func flagSet(flags []cli.Flag, into *[]string) *flag.FlagSet {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	declare(set, flags, into)
	return set
}

// declare adds flags to a set, except those that it has already: a command's own flag precedes a global one.
func declare(set *flag.FlagSet, flags []cli.Flag, into *[]string) {
	for _, f := range flags {
		documented, ok := f.(cli.DocGenerationFlag)
		for _, name := range f.Names() {
			keep := func(value string) error {
				*into = append(*into, "--"+name+"="+value)
				return nil
			}
			switch {
			case set.Lookup(name) != nil:
			case ok && documented.TakesValue():
				set.Func(name, "", keep)
			default:
				set.BoolFunc(name, "", keep)
			}
		}
	}
}
