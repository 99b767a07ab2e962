package redisx

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// errReply says that a server's reply was not of the form that Redis documents.
var errReply = errors.New("reply not understood")

const (
	longestHead = 64 << 10 // bytes of a line: of an error or a status, or of what comes before a text
	mostValues  = math.MaxInt32
)

// replyScan finds where a reply ends that arrives piece by piece, without a look at what it means. It asks for no
// memory, whatever sizes the reply claims to have.
type replyScan struct {
	at   int // where the next value begins
	left int // values that are still to come, those within others included
}

// advance goes on with what has arrived, and reports whether the reply is complete. Then at is its end.
func (s *replyScan) advance(arrived []byte) (complete bool, err error) {
	for s.left > 0 {
		typ, n, next, err := readHead(arrived, s.at)
		if next == 0 || err != nil {
			return false, err
		}
		within := 0
		switch typ {
		case '$', '=', '!':
			if n >= 0 {
				next += n + 2
			}
			if next > len(arrived) {
				return false, nil
			}
		case '*', '~', '>':
			within = max(n, 0)
		case '%':
			within = 2 * max(n, 0)
		case '|': // and the value that it belongs to
			within = 2*max(n, 0) + 1
		case '+', '-', ':', '_', ',', '#', '(':
		default:
			return false, fmt.Errorf("%w: it has a value of type %q", errReply, typ)
		}
		s.left += within - 1
		s.at = next
		if s.left > mostValues {
			return false, fmt.Errorf("%w: it has %d values", errReply, s.left)
		}
	}
	return true, nil
}

// readHead reads the line with which a value begins: its type, and the number of a type that has one. next is where the
// line ends, 0 if that has not arrived.
func readHead(arrived []byte, at int) (typ byte, n, next int, err error) {
	end := bytes.IndexByte(arrived[at:], '\n')
	switch {
	case end < 0 && len(arrived)-at > longestHead:
		return 0, 0, 0, fmt.Errorf("%w: a line without an end", errReply)
	case end < 0:
		return 0, 0, 0, nil
	case end < 2 || arrived[at+end-1] != '\r':
		return 0, 0, 0, fmt.Errorf("%w: %q", errReply, arrived[at:at+min(end, 64)+1])
	}
	typ, next = arrived[at], at+end+1
	switch typ {
	case '$', '=', '!', '*', '~', '>', '%', '|':
		if n = parseCount(arrived[at+1 : next-2]); n < -1 {
			return 0, 0, 0, fmt.Errorf("%w: %q", errReply, arrived[at:at+min(end, 64)])
		}
	}
	return typ, n, next, nil
}

// parseCount reads how long a text or how many values there are: -1 for none at all, -2 if that is no such number.
func parseCount(text []byte) (n int) {
	if string(text) == "-1" {
		return -1
	}
	if len(text) == 0 || len(text) > 10 {
		return -2
	}
	for _, digit := range text {
		if digit < '0' || digit > '9' {
			return -2
		}
		n = 10*n + int(digit-'0')
	}
	if n > mostValues {
		return -2
	}
	return n
}
