package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/dashboard/audit"
	"github.com/navvy-go/navvy/internal/command"
)

func auditCommand() *cli.Command {
	return &cli.Command{
		Name:  "audit",
		Usage: "print the audit trail as JSON lines, the oldest entry first",
		Description: `It is what people did on the dashboard, by a command and in top, and their logins. --refused prints
what was refused: wrong passwords and tokens, and what a role does not allow.

Examples:

   monitor audit --since 24h
   monitor audit --refused > refused.jsonl`,
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "since", Usage: "from so long ago, such as 24h; everything by default"},
			&cli.BoolFlag{Name: "refused", Usage: "what was refused, not what was done"},
		},
		Action: func(c *cli.Context) error {
			if _, err := command.Arguments(c); err != nil {
				return err
			}
			since := time.Time{}
			switch ago := c.Duration("since"); {
			case ago < 0:
				return command.Usage("--since %s: must not be negative", ago)
			case ago > 0:
				since = time.Now().Add(-ago)
			}
			lines := command.NewLines(c.App.Writer)
			return withOperator(c, func(o operator) error {
				trail := o.trail
				if c.Bool("refused") {
					trail = trail.Refused()
				}
				return trail.Export(c.Context, since, func(e audit.Entry) error { return lines.Print(e) })
			})
		},
	}
}
