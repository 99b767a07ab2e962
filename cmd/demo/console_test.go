package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	t.Parallel()
	var got []string
	l := &lines{emit: func(line string) { got = append(got, line) }}
	for _, part := range []string{"on", "e\ntwo\r\n\nth", "ree"} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("wrote %d of %q: %v", n, part, err)
		}
	}
	l.flush()
	l.flush()
	if want := []string{"one", "two", "", "three"}; !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
}

func TestConsole(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := &console{w: &out}
	c.line("worker", "hello")
	c.line("producer", "100 %d")
	if want := "worker   | hello\nproducer | 100 %d\n"; out.String() != want {
		t.Errorf("console wrote %q, want %q", out.String(), want)
	}
	if strings.Count(out.String(), "\n") != 2 {
		t.Error("not two lines")
	}
}
