package command

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

//go:embed completion.bash
var bashCompletion string

//go:embed completion.zsh
var zshCompletion string

// completionCommand prints the script that makes a shell complete the program's commands and flags.
func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell",
		ArgsUsage: "bash|zsh|fish",
		Description: "bash:  source <(PROGRAM completion bash)\n" +
			"zsh:   PROGRAM completion zsh > \"${fpath[1]}/_PROGRAM\"\n" +
			"fish:  PROGRAM completion fish > ~/.config/fish/completions/PROGRAM.fish",
		Action: func(c *cli.Context) error {
			args, err := Arguments(c, "SHELL (bash, zsh or fish)")
			if err != nil {
				return err
			}
			script, err := completionScript(c.App, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c.App.Writer, script)
			return err
		},
	}
}

func completionScript(app *cli.App, shell string) (string, error) {
	switch shell {
	case "bash":
		return strings.ReplaceAll(bashCompletion, "PROGRAM", app.Name), nil
	case "zsh":
		return strings.ReplaceAll(zshCompletion, "PROGRAM", app.Name), nil
	case "fish":
		return app.ToFishCompletion()
	default:
		return "", Usage("no completion for the shell %q; there is one for bash, zsh and fish", shell)
	}
}
