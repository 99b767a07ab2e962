package testserver

import (
	"bytes"
	"strings"
	"sync"
)

// Output keeps what is written to it, by programs and servers, while a test reads it.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write keeps data. It never fails.
func (o *Output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(data)
}

// String returns what was written so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Has reports whether a text was written.
func (o *Output) Has(text string) bool { return strings.Contains(o.String(), text) }
