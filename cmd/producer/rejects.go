package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/navvy-go/navvy/internal/command"
)

// rejectFile collects the lines that were not enqueued. The file is created, and an older one replaced, at the first.
type rejectFile struct {
	path string
	file *os.File
	out  *bufio.Writer
}

// rejected is a line of the file.
type rejected struct {
	Line   int64  `json:"line"`
	Reason string `json:"reason"`
	Text   string `json:"text"`
}

func rejectPath(input string) string {
	if input == "-" {
		return "stdin.rejected"
	}
	return input + ".rejected"
}

func (r *rejectFile) add(bad line, reason error) error {
	if r.file == nil {
		file, err := os.Create(r.path)
		if err != nil {
			return fmt.Errorf("line %d is bad (%w), and the file for such lines cannot be written: %w",
				bad.number, reason, err)
		}
		r.file, r.out = file, bufio.NewWriter(file)
	}
	entry := rejected{Line: bad.number, Reason: reason.Error(), Text: string(bad.text)}
	if err := command.NewLines(r.out).Print(entry); err != nil {
		return fmt.Errorf("write %s: %w", r.path, err)
	}
	return nil
}

func (r *rejectFile) close() error {
	if r.file == nil {
		return nil
	}
	err := r.out.Flush()
	if closed := r.file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", r.path, err)
	}
	return nil
}
