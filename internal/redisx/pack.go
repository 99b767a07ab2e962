package redisx

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// PackedCmd is a command whose reply an own client's connection takes in by itself and hands to the client library as a
// single text. Reading it value by value costs that library more than all else that a worker does for a small job; and
// whatever the caller has set up stays in force: TLS, passwords, RESP2 or 3, hooks, dialers, Sentinel, a cluster.
//
// Why: docs/decisions/engine.md#replies-of-xreadgroup-are-taken-in-below-the-client-library
type PackedCmd struct{ *redis.RawCmd }

// packedName is how the command is spelled by which a connection knows it. The client library itself spells it in lower
// case.
const packedName = "XREADGROUP"

// NewPackedCmd makes an XREADGROUP with these arguments.
func NewPackedCmd(ctx context.Context, args ...any) PackedCmd {
	return PackedCmd{redis.NewRawCmd(ctx, slices.Insert(args, 0, any(packedName))...)}
}

// NoRetry reports to the client library that the command must not be sent again: it may have been executed.
func (PackedCmd) NoRetry() bool { return true }

// Reply is what the server has sent, an error of its own included, byte by byte; it ends early if the connection broke.
// It is the caller's.
func (c PackedCmd) Reply() ([]byte, error) {
	raw, err := c.Result()
	if err != nil {
		return nil, err
	}
	if len(raw) == 0 || raw[0] != '$' { // as it came: a short one, or one that a redirection has led to
		return raw, nil
	}
	_, n, next, err := readHead(raw, 0)
	if err != nil || n < 0 || next+n > len(raw) {
		return nil, fmt.Errorf("%w: %.64q", errReply, raw)
	}
	return raw[next : next+n], nil
}

const (
	packHeadroom = 16      // for the head of the text, before the reply
	packLeast    = 4 << 10 // bytes that are read at once
	packKept     = 2 << 20 // bytes of memory that are kept from one reply to the next
)

// packer is the part of a connection that does that. It serves one command at a time, but for a subscription, which
// writes while it reads: there, nothing is packed.
type packer struct {
	replies atomic.Int64 // how many of those that come next are to be packed; more than 1 are of a [PackedPipeline]

	// Of who writes.
	fresh bool // what is written next begins a request
	inner int  // bytes of a [PackedPipeline] that are still to be written, with the two behind its commands

	// Of who reads. fault changes only while a reply is awaited that is to be packed.
	in    []byte // room for a head, and the reply as far as it has arrived
	out   []byte // of those: what the client library has still to read
	rest  []byte // what has arrived behind the reply
	fault error  // why a reply ended early
}

// begin notes that a request begins. Without that, nothing is packed: what is written next may as well be of a
// request's arguments, which are anybody's.
func (p *packer) begin() {
	p.fresh, p.inner = true, 0
	p.replies.Store(0)
}

// write is a connection's Write.
func (p *packer) write(to io.Writer, b []byte) (int, error) {
	if p.fresh {
		p.fresh = false
		_, name, _ := bytes.Cut(b, []byte("\r\n"))
		switch {
		case bytes.HasPrefix(name, []byte("$10\r\n"+packedName+"\r\n")):
			p.replies.Store(1)
		case bytes.HasPrefix(name, []byte(pipelineHead)):
			return p.beginPipeline(to, b)
		}
	}
	if p.inner > 0 {
		return len(b), p.writeInner(to, b)
	}
	return to.Write(b)
}

// read is a connection's Read, of what comes from the server.
func (p *packer) read(from io.Reader, b []byte) (int, error) {
	if p.replies.Load() > 0 && len(p.out) == 0 && p.fault == nil {
		if err := p.take(from); err != nil {
			return 0, err
		}
	}
	for _, left := range []*[]byte{&p.out, &p.rest} {
		if len(*left) > 0 {
			n := copy(b, *left)
			*left = (*left)[n:]
			return n, nil
		}
	}
	if p.fault != nil {
		return 0, p.fault
	}
	return from.Read(b)
}

// take takes in a reply, or those of a pipeline, without what the server pushes in between.
func (p *packer) take(from io.Reader) error {
	if cap(p.in) > packKept || cap(p.in) == 0 {
		p.in = make([]byte, packHeadroom, packLeast)
	}
	p.in = append(p.in[:packHeadroom], p.rest...)
	p.rest = nil
	begin, scan := packHeadroom, replyScan{at: packHeadroom, left: 1} // of a reply
	for wanted := p.replies.Load(); ; {
		complete, err := scan.advance(p.in)
		switch {
		case err != nil:
			p.fault = err
			return err
		case complete && p.in[begin] == '>':
			p.in = slices.Delete(p.in, begin, scan.at)
			scan = replyScan{at: begin, left: 1}
		case complete && wanted == 1:
			p.pack(scan.at)
			return nil
		case complete:
			wanted--
			begin, scan.left = scan.at, 1
		default:
			if err := p.more(from); err != nil {
				return p.tear(err)
			}
		}
	}
}

// more reads what has arrived since.
func (p *packer) more(from io.Reader) error {
	if len(p.in) == cap(p.in) {
		p.in = slices.Grow(p.in, len(p.in))
	}
	n, err := from.Read(p.in[len(p.in):cap(p.in)])
	p.in = p.in[:len(p.in)+n]
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

// tear packs what has arrived before the connection broke: those entries were delivered, those commands executed.
func (p *packer) tear(cause error) error {
	p.fault = cause
	if !p.isPackable(p.in[packHeadroom:]) {
		return cause
	}
	p.pack(len(p.in))
	return nil
}

// pack makes a text of a reply that has values in it, or of those of a pipeline. Any other one is as short as it is,
// and has a meaning for the client library.
func (p *packer) pack(end int) {
	p.rest = bytes.Clone(p.in[end:])
	p.out = p.in[packHeadroom:end]
	packable := p.isPackable(p.out)
	p.replies.Store(0)
	if !packable {
		p.in = nil // there are no jobs: it waits for some, and needs no memory for that
		return
	}
	var room [packHeadroom]byte
	head := append(strconv.AppendInt(append(room[:0], '$'), int64(len(p.out)), 10), '\r', '\n')
	begin := packHeadroom - len(head)
	copy(p.in[begin:], head)
	p.in = append(p.in[:end], '\r', '\n')
	p.out = p.in[begin:]
}

func (p *packer) isPackable(replies []byte) bool {
	if p.replies.Load() > 1 {
		return len(replies) > 0
	}
	return len(replies) > 1 && (replies[0] == '*' || replies[0] == '%') && replies[1] != '-'
}
