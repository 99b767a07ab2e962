package queue

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Replies of Redis 7.0 to an XREADGROUP, as they came over the wire: three entries, the second with an empty value, the
// last by another program; nothing new; an entry that was deleted while it was pending; nothing pending; no group.
const (
	entriesOf3 = "*3\r\n" +
		"*2\r\n$3\r\n1-1\r\n*6\r\n$2\r\nid\r\n$1\r\na\r\n$4\r\nkind\r\n$1\r\nk\r\n$4\r\ndata\r\n$2\r\n{}\r\n" +
		"*2\r\n$3\r\n1-2\r\n*8\r\n$2\r\nid\r\n$1\r\nb\r\n" +
		"$4\r\nkind\r\n$1\r\nk\r\n$4\r\ndata\r\n$0\r\n\r\n$4\r\nmeta\r\n$2\r\n{}\r\n" +
		"*2\r\n$3\r\n1-3\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n"
	read3RESP2  = "*1\r\n*2\r\n$1\r\ns\r\n" + entriesOf3
	read3RESP3  = "%1\r\n$1\r\ns\r\n" + entriesOf3
	noneRESP2   = "*-1\r\n"
	noneRESP3   = "_\r\n"
	deleteRESP2 = "*1\r\n*2\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n1-2\r\n*-1\r\n*2\r\n$3\r\n1-3\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n"
	deleteRESP3 = "%1\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n1-2\r\n_\r\n*2\r\n$3\r\n1-3\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n"
	emptyRESP2  = "*1\r\n*2\r\n$1\r\ns\r\n*0\r\n"
	emptyRESP3  = "%1\r\n$1\r\ns\r\n*0\r\n"
	noGroup     = "-NOGROUP No such key 's' or consumer group 'nope' in XREADGROUP with GROUP option\r\n"
)

var (
	shown3      = []string{"1-1 id=a kind=k data={}", "1-2 id=b kind=k data= meta={}", "1-3 f=v"}
	shownDelete = []string{"1-2 deleted", "1-3 f=v"}
)

// shower is an entryReader that records what it is given.
func shower(shown *[]string) *entryReader {
	return &entryReader{each: func(id []byte, fields []wire.Pair) {
		text := string(id)
		if fields == nil {
			text += " deleted"
		}
		for _, f := range fields {
			text += fmt.Sprintf(" %s=%s", f.Name, f.Value)
		}
		*shown = append(*shown, text)
	}}
}

func TestEntryReaderTakesWhatRedisReplies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reply string
		want  []string
	}{
		"three, RESP2": {read3RESP2, shown3}, "three, RESP3": {read3RESP3, shown3},
		"none, RESP2": {noneRESP2, nil}, "none, RESP3": {noneRESP3, nil},
		"deleted, RESP2": {deleteRESP2, shownDelete}, "deleted, RESP3": {deleteRESP3, shownDelete},
		"empty, RESP2": {emptyRESP2, nil}, "empty, RESP3": {emptyRESP3, nil},
		"bytes": {"%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$2\r\n\r\n\r\n$4\r\n\x00*-\xff\r\n",
			[]string{"1-1 \r\n=\x00*-\xff"}},
	} {
		var shown []string
		reader := shower(&shown)
		for range 2 { // the reader is used again
			shown = nil
			if err := reader.read([]byte(test.reply)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !slices.Equal(shown, test.want) {
				t.Errorf("%s: got %q, want %q", name, shown, test.want)
			}
		}
	}
}

func TestEntryReaderKnowsErrors(t *testing.T) {
	t.Parallel()
	var shown []string
	reader := shower(&shown)
	err := reader.read([]byte(noGroup))
	var reply redis.Error
	if !redis.HasErrorPrefix(err, "NOGROUP") || !errors.As(err, &reply) || shown != nil {
		t.Errorf("got %v, %q", err, shown)
	}
	for _, odd := range []string{":7\r\n", "$2\r\nOK\r\n", "+OK\r\n", "%1\r\n$1\r\ns\r\n$3\r\n1-1\r\n",
		"%1\r\n%0\r\n*0\r\n", "*x\r\n", "*2\r\n*2\r\n", "%1\r\n$-1\r\n", "*-7\r\n", "*1\n", "\r\n", read3RESP2 + "+OK\r\n",
		"%1\r\n$1\r\ns\r\n*1\r\n*3\r\n", "%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*3\r\n",
		"%1\r\n$99999999999999999999\r\n"} {
		if err := reader.read([]byte(odd)); !errors.Is(err, errProtocol) {
			t.Errorf("%q: got %v", odd, err)
		}
	}
}

// What arrived before the connection broke was delivered: it must not be forgotten.
func TestEntryReaderKeepsWhatCameBeforeTheCut(t *testing.T) {
	t.Parallel()
	for _, whole := range []string{read3RESP2, read3RESP3} {
		second := strings.Index(whole, "*2\r\n$3\r\n1-2")
		third := strings.Index(whole, "*2\r\n$3\r\n1-3")
		for at := range len(whole) {
			var want []string
			for n, end := range []int{second, third, len(whole)} {
				if at >= end {
					want = shown3[:n+1]
				}
			}
			var shown []string
			err := shower(&shown).read([]byte(whole[:at]))
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("cut at %d: got %v", at, err)
			}
			if !slices.Equal(shown, want) {
				t.Errorf("cut at %d: got %q, want %q", at, shown, want)
			}
		}
	}
}

func FuzzEntryReader(f *testing.F) {
	for _, reply := range []string{
		read3RESP2, read3RESP3, noneRESP2, noneRESP3, deleteRESP2, deleteRESP3, emptyRESP2, emptyRESP3, noGroup,
		"%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$-1\r\n*1\r\n$1\r\nx\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "=5\r\ntxt:x\r\n",
		"!1\r\nx\r\n", "%1\r\n$1\r\ns\r\n*2147483647\r\n", "%1\r\n$2147483647\r\n",
	} {
		f.Add([]byte(reply))
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		room := len(reply)
		var shown []string
		reader := shower(&shown)
		show := reader.each
		reader.each = func(id []byte, fields []wire.Pair) {
			room -= len(id)
			for _, field := range fields {
				room -= len(field.Name) + len(field.Value)
			}
			show(id, fields)
		}
		whole := reader.read(reply)
		if room < 0 || whole == nil && len(reply) == 0 {
			t.Errorf("%q: handed on more than it was given, or nothing: %v", reply, whole)
		}
		before := slices.Clone(shown)
		if shown = nil; len(reply) > 0 { // without its last byte what was whole ends early, and nothing has an entry more
			err := reader.read(reply[:len(reply)-1])
			if whole == nil && err == nil && len(shown) > 0 || len(shown) > len(before) {
				t.Errorf("%q: got %q, %v, and without the last byte %q, %v", reply, before, whole, shown, err)
			}
		}
		shown = nil // whatever came before, the next reply is understood
		if err := reader.read([]byte(read3RESP3)); err != nil || !slices.Equal(shown, shown3) {
			t.Errorf("after %q: %q, %v", reply, shown, err)
		}
	})
}
