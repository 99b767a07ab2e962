package queue

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// This file reads the reply of XREADGROUP from its bytes. The client library would build a map and a string for every
// field of every entry, which costs more than all else that a worker does for a small job.

var errProtocol = errors.New("reply of XREADGROUP not understood")

// replyError is an error that Redis replied, as the client library knows it.
type replyError string

func (e replyError) Error() string { return string(e) }

// RedisError makes it a redis.Error.
func (replyError) RedisError() {}

type respReader struct {
	buf    []byte
	fields []pair // reused from entry to entry
}

// readEntries calls each with every entry of the one stream in reply, in RESP2 or RESP3. The fields are valid only
// during the call; they are nil for an entry that was deleted while it was pending.
func (r *respReader) readEntries(reply []byte, each func(id string, fields []pair)) error {
	if len(reply) > 0 && reply[0] == '-' {
		return replyError(bytes.TrimSpace(reply[1:]))
	}
	r.buf = reply
	typ, streams, err := r.header()
	if err != nil || streams <= 0 {
		return err // nothing was read in time
	}
	if typ == '*' { // RESP2: an array of [stream, entries]
		if _, _, err = r.header(); err != nil {
			return err
		}
	}
	if _, err = r.bulk(); err != nil { // the stream's name
		return err
	}
	_, entries, err := r.header()
	for i := 0; i < entries && err == nil; i++ {
		err = r.entry(each)
	}
	return err
}

func (r *respReader) entry(each func(id string, fields []pair)) error {
	if _, _, err := r.header(); err != nil {
		return err
	}
	id, err := r.bulk()
	if err != nil {
		return err
	}
	_, values, err := r.header()
	if err != nil {
		return err
	}
	if values < 0 {
		each(string(id), nil)
		return nil
	}
	r.fields = r.fields[:0]
	for i := 0; i+1 < values; i += 2 {
		name, err := r.bulk()
		if err != nil {
			return err
		}
		value, err := r.bulk()
		if err != nil {
			return err
		}
		r.fields = append(r.fields, pair{name, value})
	}
	each(string(id), r.fields)
	return nil
}

// header reads the line that begins an array, a map or a null; n is -1 for a null.
func (r *respReader) header() (typ byte, n int, err error) {
	line, err := r.line()
	if err != nil {
		return 0, 0, err
	}
	switch line[0] {
	case '_':
		return '_', -1, nil
	case '*', '%', '$':
		n, err = strconv.Atoi(string(line[1:]))
		return line[0], n, err
	}
	return 0, 0, fmt.Errorf("%w: %q", errProtocol, line)
}

func (r *respReader) bulk() ([]byte, error) {
	typ, n, err := r.header()
	if err != nil {
		return nil, err
	}
	if typ != '$' || n < 0 || len(r.buf) < n+2 {
		return nil, errProtocol
	}
	value := r.buf[:n]
	r.buf = r.buf[n+2:]
	return value, nil
}

func (r *respReader) line() ([]byte, error) {
	end := bytes.IndexByte(r.buf, '\n')
	if end < 2 {
		return nil, errProtocol
	}
	line := r.buf[:end-1]
	r.buf = r.buf[end+1:]
	return line, nil
}
