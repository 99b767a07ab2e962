package queue

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// errProtocol says that a reply was not of the form that Redis documents.
var errProtocol = errors.New("reply not understood")

// replyError is an error that Redis replied, as the client library knows it.
type replyError string

func (e replyError) Error() string { return string(e) }

// RedisError makes it a redis.Error.
func (replyError) RedisError() {}

// entryReader takes in the reply of an XREADGROUP of one stream, in RESP2 or RESP3, as the client library hands it on
// byte by byte, and calls each with every entry. The library itself would build a map and a string for every field of
// every entry, which costs more than all else that a worker does for a small job.
type entryReader struct {
	each func(id string, fields []wire.Pair) // the fields are valid only during the call; nil for a deleted entry

	expect  expectation
	size    int // bytes of the texts of the reply so far
	entries int // still to come
	values  int // still to come, of the entry
	err     error

	buf   []byte // the entry so far: its ID, then its names and values
	ends  []int  // where each of them ends in buf
	pairs []wire.Pair
}

// expectation is what comes next in the reply.
type expectation int

const (
	expectReply   expectation = iota // a map, an array, a null or an error
	expectStream                     // RESP2: the array of a stream's name and entries
	expectName                       // the stream's name
	expectEntries                    // the array of entries
	expectEntry                      // the array of an entry's ID and values
	expectID
	expectValues // the array of values, or a null
	expectValue
)

// keptBuf is how much memory a reader keeps from one reply to the next.
const keptBuf = 2 << 20

// reset readies the reader for another reply.
func (r *entryReader) reset() {
	r.expect, r.err, r.size = expectReply, nil, 0
	if cap(r.buf) > keptBuf {
		r.buf = nil
	}
}

// Write takes a line: the head of an array, a map, a null or a text, or the end of a line.
func (r *entryReader) Write(line []byte) (int, error) {
	switch line[0] {
	case '\r', '$': // a text follows by ReadFrom
	case '-':
		r.err = replyError(bytes.Clone(line[1:]))
	case '_':
		r.head('_', -1)
	case '*', '%':
		n, err := strconv.Atoi(string(line[1:]))
		if err != nil {
			r.err = fmt.Errorf("%w: %q", errProtocol, line)
		}
		r.head(line[0], n)
	default:
		r.err = fmt.Errorf("%w: %q", errProtocol, line)
	}
	return len(line), nil
}

func (r *entryReader) head(typ byte, n int) {
	switch r.expect {
	case expectReply:
		r.expect = expectName
		if typ == '*' {
			r.expect = expectStream
		}
	case expectStream:
		r.expect = expectName
	case expectEntries:
		r.entries, r.expect = n, expectEntry
	case expectEntry:
		r.expect = expectID
	case expectValues:
		if r.values, r.expect = n, expectValue; n <= 0 {
			r.emit(n == 0)
		}
	default:
		r.err = fmt.Errorf("%w: %c%d out of place", errProtocol, typ, n)
	}
}

// ReadFrom takes a text and the end of its line.
func (r *entryReader) ReadFrom(from io.Reader) (int64, error) {
	limited, ok := from.(*io.LimitedReader)
	if !ok || limited.N < 2 {
		return io.Copy(io.Discard, from)
	}
	if r.expect == expectID {
		r.buf, r.ends = r.buf[:0], r.ends[:0]
	}
	n, start := int(limited.N), len(r.buf)
	for cap(r.buf)-start < n {
		r.buf = append(r.buf[:cap(r.buf)], 0)
	}
	read, err := io.ReadFull(from, r.buf[start:start+n])
	if err != nil {
		return int64(read), err
	}
	r.buf = r.buf[:start+n-2]
	r.size += n
	r.text()
	return int64(read), nil
}

func (r *entryReader) text() {
	switch r.expect {
	case expectName:
		r.buf, r.expect = r.buf[:0], expectEntries
	case expectID:
		r.ends, r.expect = append(r.ends, len(r.buf)), expectValues
	case expectValue:
		r.ends = append(r.ends, len(r.buf))
		if r.values--; r.values == 0 {
			r.emit(true)
		}
	default:
		r.err = fmt.Errorf("%w: text out of place", errProtocol)
	}
}

// emit hands an entry on.
func (r *entryReader) emit(found bool) {
	r.expect = expectEntry
	id := string(r.buf[:r.ends[0]])
	if !found {
		r.each(id, nil)
		return
	}
	r.pairs = r.pairs[:0]
	for i := 0; i+2 < len(r.ends); i += 2 {
		r.pairs = append(r.pairs, wire.Pair{Name: r.buf[r.ends[i]:r.ends[i+1]], Value: r.buf[r.ends[i+1]:r.ends[i+2]]})
	}
	r.each(id, r.pairs)
}
