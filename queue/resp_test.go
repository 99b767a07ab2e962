package queue

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
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
	return &entryReader{each: func(id string, fields []wire.Pair) {
		if fields == nil {
			id += " deleted"
		}
		for _, f := range fields {
			id += fmt.Sprintf(" %s=%s", f.Name, f.Value)
		}
		*shown = append(*shown, id)
	}}
}

// serialize serves one reply to an XREADGROUP, chunk bytes at a time, and closes the connection where the reply ends if
// it ends early.
func serialize(t *testing.T, reply string, chunk int, cut bool) *redis.Client {
	t.Helper()
	client, server := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer server.Close()
		from := bufio.NewReader(server)
		for {
			command, err := readCommand(from)
			switch {
			case err != nil:
				return
			case command != "XREADGROUP":
				_, err = io.WriteString(server, "-ERR unknown command\r\n")
			default:
				for part := range slices.Chunk([]byte(reply), chunk) {
					_, err = server.Write(part)
				}
				if cut {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	rdb := redis.NewClient(&redis.Options{
		Dialer:     func(context.Context, string, string) (net.Conn, error) { return client, nil },
		MaxRetries: -1, DialerRetries: 1, PoolSize: 1, DisableIdentity: true,
		MaintNotificationsConfig: redisx.NoMaintenance(),
	})
	t.Cleanup(func() {
		_ = rdb.Close()
		_ = client.Close()
		<-ended
	})
	return rdb
}

// readCommand reads one command of a client and returns its name.
func readCommand(from *bufio.Reader) (name string, err error) {
	var n int
	if _, err := fmt.Fscanf(from, "*%d\r\n", &n); err != nil {
		return "", err
	}
	for i := range n {
		var size int
		if _, err := fmt.Fscanf(from, "$%d\r\n", &size); err != nil {
			return "", err
		}
		text := make([]byte, size+2)
		if _, err := io.ReadFull(from, text); err != nil {
			return "", err
		}
		if i == 0 {
			name = strings.ToUpper(string(text[:size]))
		}
	}
	return name, nil
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
		for _, chunk := range []int{1, 7, 1 << 20} {
			t.Run(fmt.Sprintf("%s, %d bytes at a time", name, chunk), func(t *testing.T) {
				t.Parallel()
				var shown []string
				reader := shower(&shown)
				rdb := serialize(t, test.reply, chunk, false)
				for range 2 { // the reader is used again, on the same connection
					shown = nil
					reader.reset()
					cmd := redis.NewRawWriteToCmd(t.Context(), reader, "XREADGROUP")
					if err := rdb.Process(t.Context(), cmd); err != nil || reader.err != nil {
						t.Fatalf("got %v, %v", err, reader.err)
					}
					if want := slices.Clone(test.want); !slices.Equal(shown, want) {
						t.Fatalf("got %q, want %q", shown, want)
					}
				}
			})
		}
	}
}

func TestEntryReaderKnowsErrors(t *testing.T) {
	t.Parallel()
	var shown []string
	reader := shower(&shown)
	cmd := redis.NewRawWriteToCmd(t.Context(), reader, "XREADGROUP")
	if err := serialize(t, noGroup, 1, false).Process(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	var reply redis.Error
	if !redis.HasErrorPrefix(reader.err, "NOGROUP") || !errors.As(reader.err, &reply) || shown != nil {
		t.Errorf("got %v, %q", reader.err, shown)
	}
	if reader.reset(); reader.err != nil {
		t.Error("the next reply begins with the error of the last")
	}
	for _, odd := range []string{":7\r\n", "$2\r\nOK\r\n", "+OK\r\n", "%1\r\n$1\r\ns\r\n$3\r\n1-1\r\n",
		"%1\r\n%0\r\n*0\r\n", "*x\r\n"} {
		reader.reset()
		feed(reader, odd)
		if !errors.Is(reader.err, errProtocol) {
			t.Errorf("%q: got %v", odd, reader.err)
		}
	}
}

// What arrived before the connection broke was delivered: it must not be forgotten.
func TestEntryReaderKeepsWhatCameBeforeTheCut(t *testing.T) {
	t.Parallel()
	for _, whole := range []string{read3RESP2, read3RESP3} {
		second := strings.Index(whole, "*2\r\n$3\r\n1-2")
		third := strings.Index(whole, "*2\r\n$3\r\n1-3")
		for _, at := range []int{1, second - 1, second, second + 20, third - 1, third + 3, len(whole) - 1} {
			var want []string
			for n, end := range []int{second, third, len(whole)} {
				if at >= end {
					want = shown3[:n+1]
				}
			}
			var shown []string
			reader := shower(&shown)
			cmd := redis.NewRawWriteToCmd(t.Context(), reader, "XREADGROUP")
			err := serialize(t, whole[:at], 5, true).Process(t.Context(), cmd)
			var reply redis.Error
			if err == nil || errors.As(err, &reply) {
				t.Errorf("cut at %d: got %v, want a broken connection", at, err)
			}
			if !slices.Equal(shown, want) {
				t.Errorf("cut at %d: got %q, want %q", at, shown, want)
			}
		}
	}
}

// feed hands a reply to the reader as the client library does, until the reply ends: whole lines and their ends by
// Write, texts with their ends by ReadFrom.
func feed(r *entryReader, reply string) {
	from := bufio.NewReader(iotest.HalfReader(strings.NewReader(reply)))
	feedOne(r, from, len(reply))
}

func feedOne(r *entryReader, from *bufio.Reader, most int) bool {
	line, err := from.ReadBytes('\n')
	line = bytes.TrimSuffix(line, []byte("\r\n"))
	if err != nil || len(line) == 0 {
		return false
	}
	_, _ = r.Write(line)
	_, _ = r.Write([]byte("\r\n"))
	n, err := strconv.Atoi(string(line[1:]))
	switch line[0] {
	case '$', '=', '!':
		if err != nil || n < 0 || n > most {
			return n == -1
		}
		_, err := io.CopyN(r, from, int64(n)+2)
		return err == nil
	case '%':
		n *= 2
		fallthrough
	case '*', '~', '>':
		for range min(n, most) {
			if err != nil || !feedOne(r, from, most) {
				return false
			}
		}
	}
	return true
}

func FuzzEntryReader(f *testing.F) {
	for _, reply := range []string{
		read3RESP2, read3RESP3, noneRESP2, noneRESP3, deleteRESP2, deleteRESP3, emptyRESP2, emptyRESP3, noGroup,
		"%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$-1\r\n*1\r\n$1\r\nx\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "=5\r\ntxt:x\r\n",
		"!1\r\nx\r\n",
	} {
		f.Add(reply)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		room := len(reply)
		reader := &entryReader{each: func(id string, fields []wire.Pair) {
			room -= len(id)
			for _, field := range fields {
				room -= len(field.Name) + len(field.Value)
			}
		}}
		feed(reader, reply)
		if room < 0 {
			t.Errorf("%q: handed on more than it was given", reply)
		}
		var shown []string // whatever came before, the next reply is understood
		reader.each = shower(&shown).each
		reader.reset()
		if feed(reader, read3RESP3); reader.err != nil || !slices.Equal(shown, shown3) {
			t.Errorf("after %q: %q, %v", reply, shown, reader.err)
		}
	})
}
