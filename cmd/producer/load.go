package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue"
)

// A batch is sent when it has so many jobs, or so many bytes: memory stays bounded with jobs of 1 MiB each.
const (
	batchJobs  = 500
	batchBytes = 4 << 20
)

func loadCommand() *cli.Command {
	return &cli.Command{
		Name:      "load",
		Usage:     "enqueue a job for each line of a file",
		ArgsUsage: "FILE|-",
		Description: `With --kind each line is the data of a job of that kind. Without it each line is an object:

   {"kind":"payment.charge","data":{"order_id":"o-1","cents":1999},"queue":"orders","id":"c-1","in":"5m"}

queue, id and in may be left out. Lines that cannot be enqueued go to FILE.rejected (./stdin.rejected for -) as
{"line":N,"reason":"...","text":"..."}; the rest is enqueued, and the exit status is 1.

Examples:

   producer load charges.jsonl --queue orders --kind payment.charge
   zcat jobs.jsonl.gz | producer load - --queue orders`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "queue", Usage: "`QUEUE` of the lines that name none"},
			&cli.StringFlag{Name: "kind", Usage: "`KIND` of every line: the line is then the data itself"},
			anyKindFlag(),
		},
		Action: load,
	}
}

// loadSummary is what load prints at the end.
type loadSummary struct {
	Lines     int64   `json:"lines"` // that are not blank
	Enqueued  int64   `json:"enqueued"`
	Duplicate int64   `json:"duplicate"` // had been enqueued before under the same ID
	Rejected  int64   `json:"rejected"`
	Seconds   float64 `json:"seconds"`
}

func load(c *cli.Context) error {
	args, err := command.Arguments(c, "FILE (or - for stdin)")
	if err != nil {
		return err
	}
	parser, err := newLineParser(c)
	if err != nil {
		return err
	}
	input, size, err := openInput(c, args[0])
	if err != nil {
		return err
	}
	defer input.Close()
	rejects := &rejectFile{path: rejectPath(args[0])}
	return withClient(c, func(client *queue.Client) error {
		l := &loader{client: client, parser: parser, rejects: rejects}
		l.progress = command.NewProgress(c.App.ErrWriter, "load", size)
		return l.run(c.Context, input, c.App.Writer)
	})
}

// openInput returns the file, or stdin, and its size; -1 when that is not known.
func openInput(c *cli.Context, path string) (io.ReadCloser, int64, error) {
	if path == "-" {
		return io.NopCloser(c.App.Reader), -1, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, command.Usage("%w", err)
	}
	info, err := file.Stat()
	if err != nil || info.IsDir() {
		_ = file.Close()
		return nil, 0, command.Usage("%s is not a file that can be read", path)
	}
	if !info.Mode().IsRegular() {
		return file, -1, nil
	}
	return file, info.Size(), nil
}

// loader enqueues lines batch by batch.
type loader struct {
	client   *queue.Client
	parser   *lineParser
	rejects  *rejectFile
	progress *command.Progress

	batch   []line
	items   []queue.Item
	bytes   int
	summary loadSummary
}

func (l *loader) run(ctx context.Context, input io.Reader, out io.Writer) error {
	started := time.Now()
	err := l.all(ctx, input)
	l.progress.Done()
	if closed := l.rejects.close(); err == nil {
		err = closed
	}
	l.summary.Seconds = time.Since(started).Round(time.Millisecond).Seconds()
	if printed := command.NewLines(out).Print(l.summary); err == nil {
		err = printed
	}
	switch s := l.summary; {
	case err != nil && s.Rejected > 0:
		return fmt.Errorf("%w; %d lines enqueued, %d not: see %s", err, s.Enqueued, s.Rejected, l.rejects.path)
	case err != nil:
		return fmt.Errorf("%w; %d lines enqueued", err, s.Enqueued)
	case s.Rejected > 0:
		return fmt.Errorf("%d of %d lines rejected, %d enqueued; lines and reasons are in %s",
			s.Rejected, s.Lines, s.Enqueued, l.rejects.path)
	default:
		return nil
	}
}

func (l *loader) all(ctx context.Context, input io.Reader) error {
	lines := newLineReader(input)
	for {
		next, err := lines.next()
		if err == io.EOF {
			return l.flush(ctx, lines.read)
		}
		if err != nil {
			return fmt.Errorf("read line %d: %w", lines.number+1, err)
		}
		if err := l.add(next); err != nil {
			return err
		}
		if len(l.items) == batchJobs || l.bytes >= batchBytes {
			if err := l.flush(ctx, lines.read); err != nil {
				return err
			}
		}
	}
}

// add puts a line into the batch, or into the rejected file.
func (l *loader) add(next line) error {
	l.summary.Lines++
	item, err := l.parser.item(next)
	if err != nil {
		return l.reject(next, err)
	}
	l.batch, l.items = append(l.batch, next), append(l.items, item)
	l.bytes += len(next.text)
	return nil
}

// flush enqueues the batch. It ends the load when Redis fails: the lines that were not enqueued are in the rejected
// file then, and those after them were not read.
func (l *loader) flush(ctx context.Context, read int64) error {
	if len(l.items) == 0 {
		return nil
	}
	results, _ := l.client.EnqueueMany(ctx, l.items) // each result has its own error
	var failure error
	for i, result := range results {
		switch {
		case result.Err == nil && result.Duplicate:
			l.summary.Duplicate++
		case result.Err == nil:
			l.summary.Enqueued++
		default:
			if err := l.reject(l.batch[i], result.Err); err != nil {
				return err
			}
			if failure == nil && !command.IsUsage(command.Rejected(result.Err)) {
				failure = fmt.Errorf("stopped in the batch that ends at line %d: %w", l.batch[len(l.batch)-1].number,
					result.Err)
			}
		}
	}
	l.batch, l.items, l.bytes = l.batch[:0], l.items[:0], 0
	l.progress.Set(read, fmt.Sprintf("%d enqueued, %d rejected", l.summary.Enqueued, l.summary.Rejected))
	return failure
}

func (l *loader) reject(bad line, reason error) error {
	l.summary.Rejected++
	return l.rejects.add(bad, reason)
}
