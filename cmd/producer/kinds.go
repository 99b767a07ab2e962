package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/jobs"
)

func anyKindFlag() cli.Flag {
	return &cli.BoolFlag{Name: "any-kind",
		Usage: "enqueue a kind that is not in this program's catalogue: another fleet runs it"}
}

// kinds says which kinds may be enqueued.
type kinds struct {
	names []string
	any   bool
}

// knownKinds lists what a fleet of this house can run, with --debug-jobs.
func knownKinds(c *cli.Context) kinds {
	known := kinds{any: c.Bool("any-kind")}
	for _, job := range slices.Concat(jobs.Catalogue(), jobs.DebugCatalogue()) {
		known.names = append(known.names, job.Kind)
	}
	return known
}

func (k kinds) check(kind string) error {
	if k.any || slices.Contains(k.names, kind) {
		return nil
	}
	return command.Usage("unknown kind %q; want one of %s, or --any-kind for a kind that another fleet runs",
		kind, strings.Join(k.names, ", "))
}
