package command_test

import (
	"io"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
)

func TestZone(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"UTC": "UTC", "Europe/Berlin": "Europe/Berlin", "Local": "", "Nowhere": "",
		"": "", "../etc/passwd": ""} {
		got := ""
		app := &cli.App{Flags: []cli.Flag{command.ZoneFlag()}, Writer: io.Discard, ErrWriter: io.Discard,
			HideHelp: true, // its flag is shared by everything in the process
			Action: func(c *cli.Context) error {
				zone, err := command.Zone(c)
				if err == nil {
					got = zone.String()
				}
				return err
			}, ExitErrHandler: func(*cli.Context, error) {}}
		if err := app.Run([]string{"app", "--analytics-zone", name}); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q (%v)", name, got, err)
		}
	}
}
