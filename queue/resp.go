package queue

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// errProtocol says that a reply was not of the form that Redis documents.
var errProtocol = errors.New("reply not understood")

// entryReader reads the reply of an XREADGROUP, in RESP2 or RESP3, where it lies in memory: the client
// library would build a map and a string for every field of every entry.
type entryReader struct {
	stream func(name []byte) bool              // is called before the entries of each of several; nil: there is one
	each   func(id []byte, fields []wire.Pair) // both are valid only during the call; nil for a deleted entry

	left  []byte // of the reply
	pairs []wire.Pair
}

// read calls each with every entry of a reply. One that ends early has those before its end, and an error.
func (r *entryReader) read(reply []byte) error {
	r.left = reply
	defer func() { r.left = nil }()
	typ, n, err := r.head("*%_-")
	switch {
	case err != nil:
		return err
	case typ == '-':
		return redisx.ReplyError(bytes.TrimSuffix(reply[1:], []byte("\r\n")))
	case typ == '_' || n < 0:
		return nil
	case n != 1 && r.stream == nil:
		return fmt.Errorf("%w: entries of %d streams", errProtocol, n)
	}
	for range n {
		if err := r.entriesOf(typ); err != nil {
			return err
		}
	}
	if len(r.left) > 0 {
		return fmt.Errorf("%w: there is more behind it", errProtocol)
	}
	return nil
}

// entriesOf reads the entries of a stream.
func (r *entryReader) entriesOf(typ byte) error {
	if typ == '*' { // RESP2: an array of the stream's name and its entries
		if err := r.array(2); err != nil {
			return err
		}
	}
	name, err := r.text()
	if err != nil {
		return err
	}
	if r.stream != nil && !r.stream(name) {
		return fmt.Errorf("%w: entries of %.64q", errProtocol, name)
	}
	_, entries, err := r.head("*")
	if err != nil {
		return err
	}
	for range entries {
		if err := r.entry(); err != nil {
			return err
		}
	}
	return nil
}

// entry reads one entry and hands it on.
func (r *entryReader) entry() error {
	if err := r.array(2); err != nil {
		return err
	}
	id, err := r.text()
	if err != nil {
		return err
	}
	typ, values, err := r.head("*_")
	switch {
	case err != nil:
		return err
	case typ == '_' || values < 0:
		r.each(id, nil)
		return nil
	case values%2 != 0:
		return fmt.Errorf("%w: entry %q of %d names and values", errProtocol, id, values)
	}
	if r.pairs == nil {
		r.pairs = make([]wire.Pair, 0, 4)
	}
	r.pairs = r.pairs[:0]
	for range values / 2 {
		name, err := r.text()
		if err != nil {
			return err
		}
		value, err := r.text()
		if err != nil {
			return err
		}
		r.pairs = append(r.pairs, wire.Pair{Name: name, Value: value})
	}
	r.each(id, r.pairs)
	return nil
}

// array reads the head of an array that must have so many values.
func (r *entryReader) array(want int) error {
	_, n, err := r.head("*")
	if err == nil && n != want {
		err = fmt.Errorf("%w: an array of %d values, not %d", errProtocol, n, want)
	}
	return err
}

// text reads a text.
func (r *entryReader) text() ([]byte, error) {
	_, n, err := r.head("$")
	switch {
	case err != nil:
		return nil, err
	case n < 0:
		return nil, fmt.Errorf("%w: no text where one must be", errProtocol)
	case len(r.left)-2 < n:
		return nil, errTorn
	}
	text := r.left[:n:n]
	r.left = r.left[n+2:]
	return text, nil
}

// errTorn says that the connection broke before the end of a reply.
var errTorn = fmt.Errorf("the reply ends early: %w", io.ErrUnexpectedEOF)

// head reads the line with which a value begins, of one of these types, and its number if it has one.
func (r *entryReader) head(types string) (typ byte, n int, err error) {
	line := r.left
	if len(line) > 0 && strings.IndexByte(types, line[0]) < 0 {
		return 0, 0, outOfPlace(line)
	}
	at := 1
	for at < len(line) && line[at]-'0' <= 9 {
		n = 10*n + int(line[at]-'0')
		if at++; n > math.MaxInt32 {
			return 0, 0, outOfPlace(line)
		}
	}
	if at+1 < len(line) && at > 1 && line[at] == '\r' && line[at+1] == '\n' {
		r.left = line[at+2:]
		return line[0], n, nil
	}
	return r.oddHead()
}

// oddHead is head for a line that is not a type and a number.
func (r *entryReader) oddHead() (typ byte, n int, err error) {
	end := bytes.IndexByte(r.left, '\n')
	if end < 0 {
		return 0, 0, errTorn
	}
	line := r.left[:end+1]
	r.left = r.left[end+1:]
	if line[0] == '-' || string(line) == "_\r\n" || string(line[1:]) == "-1\r\n" {
		return line[0], -1, nil
	}
	return 0, 0, outOfPlace(line)
}

func outOfPlace(line []byte) error { return fmt.Errorf("%w: %.64q out of place", errProtocol, line) }
