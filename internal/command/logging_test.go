package command

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// A line with two times is read as either, or not at all.
func TestALineHasOneTime(t *testing.T) {
	t.Parallel()
	app, _, errs := program(func(c *cli.Context) error {
		log, err := Logger(c)
		if err != nil {
			return err
		}
		log.Info().Msg("plain")
		std := Slog(log)
		std.Info("of the standard library")
		std.With("a", 1).WithGroup("g").Info("with attributes", slog.Int("b", 2))
		return nil
	})
	if status := Run(t.Context(), app, []string{"prog", "act", "--log-format", "json"}); status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("got %s", errs)
	}
	for _, line := range lines {
		if strings.Count(line, `"time":`) != 1 {
			t.Errorf("got %s", line)
		}
	}
}
