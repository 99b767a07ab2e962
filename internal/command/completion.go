package command

import (
	"embed"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

//go:embed completion.bash completion.zsh
var completions embed.FS

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
			var script string
			switch args[0] {
			case "bash", "zsh":
				text, _ := completions.ReadFile("completion." + args[0])
				script = strings.ReplaceAll(string(text), "PROGRAM", c.App.Name)
			case "fish":
				script, err = c.App.ToFishCompletion()
			default:
				err = Usage("no completion for the shell %q; there is one for bash, zsh and fish", args[0])
			}
			if err == nil {
				_, err = fmt.Fprint(c.App.Writer, script)
			}
			return err
		},
	}
}
