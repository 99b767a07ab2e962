package main

import (
	"context"
	"errors"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
)

const (
	topInterval = time.Second
	topFastest  = 100 * time.Millisecond
)

func topCommand() *cli.Command {
	return &cli.Command{
		Name:  "top",
		Usage: "watch queues, workers, jobs in flight and dead jobs in the terminal, and act on them",
		Description: `It reads what the screen shows once an --interval, and nothing else. Press ? for the keys. A filter is
that of monitor pending --help. NO_COLOR=1 turns colours off.`,
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "interval", Value: topInterval, Usage: "`TIME` between two readings, 100ms at least"},
		},
		Action: top,
	}
}

func top(c *cli.Context) error {
	if _, err := command.Arguments(c); err != nil {
		return err
	}
	interval := c.Duration("interval")
	if interval < topFastest {
		return command.Usage("--interval %s: want %s at least", interval, topFastest)
	}
	if !command.IsTerminal(c.App.Reader) || !command.IsTerminal(c.App.Writer) {
		return command.Usage("top needs a terminal to draw on; for a script there is monitor queues --json")
	}
	return withOperator(c, func(o operator) error { return watch(c, o, interval) })
}

// watch draws until the person quits or the context ends. Two goroutines work for the screen and end with it: one
// reads, one does what is requested.
func watch(c *cli.Context, o operator, interval time.Duration) error {
	reader := newTopReader(o.inspector, interval)
	executor := newExecutor(o)
	program := tea.NewProgram(newScreen(reader.show, executor.accept),
		tea.WithContext(c.Context), tea.WithInput(c.App.Reader), tea.WithOutput(c.App.Writer), tea.WithoutSignalHandler())
	ctx, cancel := context.WithCancel(c.Context)
	var working sync.WaitGroup
	working.Go(func() { reader.run(ctx, program.Send) })
	working.Go(func() { executor.run(o.withActor(ctx), program.Send) })
	_, err := program.Run()
	cancel()
	working.Wait()
	if c.Context.Err() != nil || errors.Is(err, tea.ErrInterrupted) {
		return nil // a signal is a way to quit
	}
	return err
}
