package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// console writes whole lines of several programs, each with the program's name in front.
type console struct {
	mu sync.Mutex
	w  io.Writer
}

func (c *console) line(name, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(c.w, "%-8s | %s\n", name, text)
}

// lines calls emit with each line written to it. Not safe for concurrent use.
type lines struct {
	emit func(line string)
	rest []byte // of a line whose end has not come yet
}

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.emit(string(bytes.TrimSuffix(line, []byte("\r"))))
		l.rest = rest
	}
}

// flush emits the last line if it did not end.
func (l *lines) flush() {
	if len(l.rest) > 0 {
		l.emit(string(l.rest))
		l.rest = nil
	}
}
