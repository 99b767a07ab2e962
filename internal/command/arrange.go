package command

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts the flags where the cli library wants them, global ones before the command and its own before its
// arguments, so that people may write them anywhere: producer enqueue KIND --queue Q --redis URL.
func arrange(app *cli.App, args []string) []string {
	if len(args) == 0 || args[len(args)-1] == "--generate-bash-completion" {
		return args
	}
	s := sorter{app: app}
	s.sort(args[1:])
	arranged := slices.Concat(args[:1], s.global)
	if s.command != nil {
		arranged = append(arranged, s.command.Name)
	}
	arranged = append(arranged, s.own...)
	if len(s.positional) > 0 {
		arranged = append(append(arranged, "--"), s.positional...)
	}
	return arranged
}

// sorter divides a command line into its parts.
type sorter struct {
	app        *cli.App
	command    *cli.Command
	global     []string
	own        []string
	positional []string
}

func (s *sorter) sort(args []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			s.positional = append(s.positional, args[i+1:]...)
			return
		case len(arg) > 1 && arg[0] == '-':
			words := 1
			flag, global := s.find(arg)
			if takesValue(flag) && !strings.Contains(arg, "=") && i+1 < len(args) {
				words = 2
			}
			s.add(args[i:i+words], global)
			i += words - 1
		case s.command == nil && len(s.positional) == 0:
			if s.command = s.app.Command(arg); s.command == nil {
				s.positional = append(s.positional, arg)
			}
		default:
			s.positional = append(s.positional, arg)
		}
	}
}

func (s *sorter) add(words []string, global bool) {
	if global {
		s.global = append(s.global, words...)
	} else {
		s.own = append(s.own, words...)
	}
}

// find returns the flag that arg names, if there is one, and whether it belongs to the program.
func (s *sorter) find(arg string) (flag cli.Flag, global bool) {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	if s.command != nil {
		if flag := named(s.command.Flags, name); flag != nil {
			return flag, false
		}
	}
	if flag := named(s.app.Flags, name); flag != nil {
		return flag, true
	}
	return nil, s.command == nil // unknown: the library says so
}

func named(flags []cli.Flag, name string) cli.Flag {
	for _, flag := range flags {
		if slices.Contains(flag.Names(), name) {
			return flag
		}
	}
	return nil
}

func takesValue(flag cli.Flag) bool {
	documented, ok := flag.(cli.DocGenerationFlag)
	return ok && documented.TakesValue()
}
