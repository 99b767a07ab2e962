package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/jobs"
	"github.com/navvy-go/navvy/queue"
)

func debugJobsFlag() cli.Flag {
	return &cli.BoolFlag{Name: "debug-jobs", Usage: "run the debug.* kinds too, to try a fleet out"}
}

func kindsCommand() *cli.Command {
	return &cli.Command{
		Name:  "kinds",
		Usage: "list the kinds that this program runs, and how",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "one JSON object per line"},
			debugJobsFlag(),
		},
		Action: listKinds,
	}
}

// newMux returns the handlers of everything this program runs.
func newMux(deps jobs.Deps, debug bool) *queue.Mux {
	mux := queue.NewMux()
	jobs.Register(mux, deps)
	if debug {
		jobs.RegisterDebug(mux)
	}
	return mux
}

// kindLine is a kind with durations that a person reads.
type kindLine struct {
	Kind        string `json:"kind"`
	MaxAttempts int    `json:"max_attempts"`
	Timeout     string `json:"timeout"`
	BackoffMin  string `json:"backoff_min"`
	BackoffMax  string `json:"backoff_max"`
	Retain      string `json:"retain"`
	Does        string `json:"does"`
}

func listKinds(c *cli.Context) error {
	if _, err := command.Arguments(c); err != nil {
		return err
	}
	mux := newMux(jobs.Deps{}, c.Bool("debug-jobs")) // nothing runs here
	lines := command.NewLines(c.App.Writer)
	table := command.NewTable(c.App.Writer, "KIND", "ATTEMPTS", "TIMEOUT", "BACKOFF", "RETAIN", "DOES")
	for _, kind := range mux.Kinds() {
		l := newKindLine(kind)
		if c.Bool("json") {
			if err := lines.Print(l); err != nil {
				return err
			}
			continue
		}
		table.Row(l.Kind, l.MaxAttempts, l.Timeout, fmt.Sprintf("%s to %s", l.BackoffMin, l.BackoffMax), l.Retain, l.Does)
	}
	if c.Bool("json") {
		return nil
	}
	return table.Flush()
}

func newKindLine(kind queue.Kind) kindLine {
	p := kind.Policy
	return kindLine{
		Kind: kind.Name, MaxAttempts: p.MaxAttempts, Timeout: command.Duration(p.Timeout),
		BackoffMin: command.Duration(p.BackoffMin), BackoffMax: command.Duration(p.BackoffMax),
		Retain: command.Duration(p.Retain), Does: does(kind.Name),
	}
}

// does is what the catalogue says about a kind.
func does(kind string) string {
	for _, job := range slices.Concat(jobs.Catalogue(), jobs.DebugCatalogue()) {
		if job.Kind == kind {
			return job.Does
		}
	}
	return ""
}
