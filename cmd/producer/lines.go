package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue"
)

const (
	maxLine  = queue.DefaultMaxData + 4<<10 // the data and what stands around it
	keptText = 1 << 10                      // of a line that is longer
)

// line is one line of the input, or the beginning of one that is too long.
type line struct {
	number  int64
	text    []byte
	tooLong bool
}

// lineReader reads lines of any length in bounded memory. Blank lines are counted and passed over.
type lineReader struct {
	r      *bufio.Reader
	number int64
	read   int64 // bytes
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next line that is not blank, or io.EOF.
func (l *lineReader) next() (line, error) {
	for {
		next, err := l.one()
		if err != nil || len(next.text) > 0 {
			return next, err
		}
	}
}

func (l *lineReader) one() (line, error) {
	next := line{number: l.number + 1}
	for {
		piece, err := l.r.ReadSlice('\n')
		l.read += int64(len(piece))
		if len(next.text)+len(piece) > maxLine+2 {
			next.tooLong = true
			next.text = next.text[:min(len(next.text), keptText)]
		}
		if !next.tooLong || len(next.text) < keptText {
			next.text = append(next.text, piece...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && len(next.text) == 0:
			return line{}, io.EOF
		case err != nil && err != io.EOF:
			return line{}, err
		}
		l.number++
		next.text = bytes.TrimSpace(next.text)
		return next, nil
	}
}

// lineParser makes jobs of lines.
type lineParser struct {
	kind  string // of every line; "" when each names its own
	queue string
	kinds kinds
}

func newLineParser(c *cli.Context) (*lineParser, error) {
	p := &lineParser{kind: c.String("kind"), queue: c.String("queue"), kinds: knownKinds(c)}
	if p.queue == "" && (p.kind != "" || c.IsSet("queue")) {
		return nil, command.Usage("the queue's name is empty; give --queue, for example --queue orders")
	}
	if err := gateway.CheckQueue(p.queue); p.queue != "" && err != nil {
		return nil, command.AsUsage(err)
	}
	if p.kind == "" {
		return p, nil
	}
	return p, p.kinds.check(p.kind)
}

// envelope is a line that names its own kind.
type envelope struct {
	Kind  string          `json:"kind"`
	Data  json.RawMessage `json:"data"`
	Queue string          `json:"queue"`
	ID    string          `json:"id"`
	In    string          `json:"in"`
}

func (p *lineParser) item(l line) (queue.Item, error) {
	switch {
	case l.tooLong:
		return queue.Item{}, fmt.Errorf("the line is longer than %d bytes", maxLine)
	case p.kind == "":
		return p.enveloped(l.text)
	case !json.Valid(l.text):
		return queue.Item{}, errors.New("not JSON")
	default:
		return queue.Item{Args: queue.JSON(p.kind, l.text), Options: []queue.EnqueueOption{queue.On(p.queue)}}, nil
	}
}

func (p *lineParser) enveloped(text []byte) (queue.Item, error) {
	e := envelope{Queue: p.queue}
	if !json.Valid(text) {
		return queue.Item{}, errors.New("not JSON")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields() // a misspelt "in" must not run a job at once
	if err := decoder.Decode(&e); err != nil {
		return queue.Item{}, fmt.Errorf("not an object of kind, data, queue, id and in: %w", err)
	}
	switch {
	case e.Kind == "":
		return queue.Item{}, errors.New("kind is missing")
	case e.Data == nil:
		return queue.Item{}, errors.New("data is missing")
	case e.Queue == "":
		return queue.Item{}, errors.New("queue is missing, here and as --queue")
	case gateway.CheckQueue(e.Queue) != nil:
		return queue.Item{}, gateway.CheckQueue(e.Queue)
	}
	if err := p.kinds.check(e.Kind); err != nil {
		return queue.Item{}, err
	}
	options, err := e.options()
	return queue.Item{Args: queue.JSON(e.Kind, e.Data), Options: options}, err
}

func (e envelope) options() ([]queue.EnqueueOption, error) {
	options := []queue.EnqueueOption{queue.On(e.Queue)}
	if e.ID != "" {
		options = append(options, queue.ID(e.ID))
	}
	if e.In == "" {
		return options, nil
	}
	in, err := time.ParseDuration(e.In)
	if err != nil {
		return nil, fmt.Errorf("in: %w", err)
	}
	return append(options, queue.In(in)), nil
}
