package redisx

import (
	"bytes"
	"context"
	"encoding"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// PackedPipeline is many commands of one connection that are a single one for the client library: it would make, write
// and read each by itself, which costs it more than what Redis does for a small job. An own client's connection sends
// the commands without what the library puts around them, and hands it all replies as a single text. Hooks see one
// command, called navvy.pipeline.
//
// Why: docs/decisions/engine.md#plain-jobs-are-sent-below-the-client-library
type PackedPipeline struct {
	*redis.RawCmd
	commands int
}

const (
	pipelineName = "navvy.pipeline"
	pipelineHead = "$14\r\n" + pipelineName + "\r\n" // how it begins as the client library writes it

	leastWriteBuffer = 4 << 10 // bytes of a client's write buffer, into which that fits
)

// Packs reports whether the connections of an own client send a [PackedPipeline]. Those of a cluster do not: there,
// each command may belong to another node.
func Packs(own redis.UniversalClient) bool {
	single, ok := own.(*redis.Client)
	if !ok {
		return false
	}
	opt := single.Options()
	return opt.WriteTimeout >= 0 && opt.WriteBufferSize >= leastWriteBuffer // else a request has no visible begin
}

// NewPackedPipeline makes one of so many commands, two at the least, each appended by [AppendCommand].
func NewPackedPipeline(ctx context.Context, commands int, requests []byte) PackedPipeline {
	return PackedPipeline{redis.NewRawCmd(ctx, pipelineName, commands, requests), commands}
}

// NoRetry reports to the client library that the commands must not be sent again: they may have been executed.
func (PackedPipeline) NoRetry() bool { return true }

// AppendCommand appends a command as it is sent. Arguments are strings, *strings, bytes, or marshal themselves.
func AppendCommand(to []byte, args ...any) ([]byte, error) {
	to = appendHead(to, '*', len(args))
	for _, arg := range args {
		switch arg := arg.(type) {
		case string:
			to = append(appendHead(to, '$', len(arg)), arg...)
		case *string:
			to = append(appendHead(to, '$', len(*arg)), *arg...)
		case []byte:
			to = append(appendHead(to, '$', len(arg)), arg...)
		case encoding.BinaryMarshaler:
			text, err := arg.MarshalBinary()
			if err != nil {
				return to, err
			}
			to = append(appendHead(to, '$', len(text)), text...)
		default:
			return to, fmt.Errorf("argument of type %T", arg)
		}
		to = append(to, '\r', '\n')
	}
	return to, nil
}

func appendHead(to []byte, typ byte, n int) []byte {
	return append(strconv.AppendInt(append(to, typ), int64(n), 10), '\r', '\n')
}

// Replies calls each with the outcome of every command: its reply, valid only during the call, or an error.
func (p PackedPipeline) Replies(each func(i int, reply []byte, err error)) {
	raw, fault := p.Result()
	_, n, at, err := readHead(raw, 0)
	switch {
	case fault != nil:
	case err != nil || at == 0 || n != len(raw)-at-2:
		fault = fmt.Errorf("%w: %.64q", errReply, raw)
	default:
		raw, at = raw[at:len(raw)-2], 0
	}
	for i := range p.commands {
		var reply []byte
		var refused error
		if fault == nil {
			reply, refused, at, fault = readReply(raw, at)
		}
		if fault != nil {
			each(i, nil, fault)
			continue
		}
		each(i, reply, refused)
	}
}

// readReply reads a text or a status, or the error that is there instead. fault says why there is neither.
func readReply(raw []byte, at int) (reply []byte, refused error, next int, fault error) {
	typ, n, next, fault := readHead(raw, at)
	switch {
	case fault != nil:
	case next == 0:
		fault = fmt.Errorf("the connection broke before the reply: %w", io.ErrUnexpectedEOF)
	case typ == '-':
		refused = ReplyError(raw[at+1 : next-2])
	case typ == '+':
		reply = raw[at+1 : next-2]
	case typ != '$' || n < 0:
		fault = fmt.Errorf("%w: %.64q", errReply, raw[at:next])
	case len(raw)-next < n+2:
		fault = fmt.Errorf("the connection broke within the reply: %w", io.ErrUnexpectedEOF)
	default:
		reply, next = raw[next:next+n], next+n+2
	}
	return reply, refused, next, fault
}

// eachRefused calls a function with the errors that Redis has replied.
func (p PackedPipeline) eachRefused(call func(error)) {
	if raw, _ := p.Result(); !bytes.Contains(raw, []byte("\n-")) {
		return
	}
	p.Replies(func(_ int, _ []byte, err error) {
		if err != nil {
			call(err)
		}
	})
}

// ReplyError is an error that Redis replied, as the client library knows it.
type ReplyError string

func (e ReplyError) Error() string { return string(e) }

// RedisError makes it a redis.Error.
func (ReplyError) RedisError() {}

// beginPipeline writes the first part of a [PackedPipeline].
func (p *packer) beginPipeline(to io.Writer, b []byte) (int, error) {
	commands, size, inner, ok := pipelineHeads(b)
	if !ok {
		return 0, &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("%w: the head of a pipeline", errReply)}
	}
	p.replies.Store(int64(commands))
	p.inner = size + 2
	return len(b), p.writeInner(to, inner)
}

// pipelineHeads reads what is before the commands of a [PackedPipeline]: how many there are, their size, and the rest.
func pipelineHeads(b []byte) (commands, size int, inner []byte, ok bool) {
	_, b, _ = bytes.Cut(b, []byte(pipelineHead))
	_, digits, at, err := readHead(b, 0)
	if err != nil || at == 0 || len(b) < at+digits+2 {
		return 0, 0, nil, false
	}
	commands, b = parseCount(b[at:at+digits]), b[at+digits+2:]
	_, size, at, err = readHead(b, 0)
	if err != nil || at == 0 || commands < 2 || size < 0 {
		return 0, 0, nil, false
	}
	return commands, size, b[at:], true
}

// writeInner writes a part of the commands, without the end of the text that they are for the client library.
func (p *packer) writeInner(to io.Writer, b []byte) error {
	commands := b[:min(len(b), max(p.inner-2, 0))]
	p.inner -= len(b)
	if len(commands) == 0 {
		return nil
	}
	_, err := to.Write(commands)
	return err
}
