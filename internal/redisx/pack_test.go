package redisx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/redis/go-redis/v9"
)

// Replies to an XREADGROUP, in RESP2 and 3; and short ones: nothing new, an error.
const (
	twoRESP2 = "*1\r\n*2\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$2\r\n\r\n\r\n*2\r\n$3\r\n1-2\r\n*-1\r\n"
	twoRESP3 = "%1\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$2\r\n\r\n\r\n*2\r\n$3\r\n1-2\r\n_\r\n"
	pushed   = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nkey\r\n"
)

var shortReplies = []string{"*-1\r\n", "_\r\n", "-NOGROUP No such key\r\n"}

const sentRead = "*9\r\n$10\r\nXREADGROUP\r\n$5\r\nGROUP\r\n"

// chunked reads n bytes at a time.
type chunked struct {
	from io.Reader
	n    int
}

func (c chunked) Read(b []byte) (int, error) { return c.from.Read(b[:min(len(b), c.n)]) }

func packedAs(reply string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(reply), reply) }

func TestRepliesArePackedAsTheyCome(t *testing.T) {
	t.Parallel()
	large := "*1\r\n$100000\r\n" + strings.Repeat("x", 100_000) + "\r\n"
	for _, n := range []int{1, 7, 5000, 1 << 20} {
		server, p := new(bytes.Buffer), new(packer)
		from := chunked{server, n}
		for _, round := range []struct{ sent, replied, want string }{
			{sentRead, twoRESP2, packedAs(twoRESP2)},
			{sentRead, pushed + twoRESP3, packedAs(twoRESP3)},
			{"*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n", twoRESP2, twoRESP2},
			{sentRead, shortReplies[0], shortReplies[0]},
			{sentRead, pushed + pushed + shortReplies[1], shortReplies[1]},
			{sentRead, shortReplies[2], shortReplies[2]},
			{sentRead, large, packedAs(large)},
			{sentRead, twoRESP3 + pushed, packedAs(twoRESP3) + pushed},
			{"*1\r\n$6\r\nASKING\r\n" + sentRead, "+OK\r\n" + twoRESP2, "+OK\r\n" + twoRESP2},
			{sentRead, twoRESP2, packedAs(twoRESP2)},
		} {
			p.begin()
			_, _ = p.write(io.Discard, []byte(round.sent))
			server.WriteString(round.replied)
			got := make([]byte, len(round.want))
			if _, err := io.ReadFull(readerFunc(func(b []byte) (int, error) { return p.read(from, b) }), got); err != nil ||
				string(got) != round.want {
				t.Fatalf("%d bytes at a time: got %.99q, %v, want %.99q", n, got, err, round.want)
			}
			if server.Len()+len(p.out)+len(p.rest) > 0 {
				t.Fatalf("%d bytes at a time: %.99q is left", n, round.replied)
			}
		}
		if cap(p.in) > packKept {
			t.Errorf("%d bytes are kept", cap(p.in))
		}
	}
}

type readerFunc func(b []byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// answering is a client whose server sends this to each XREADGROUP or XADD, n bytes at a time, and hangs up if cut is
// set. dials counts its connections.
func answering(t *testing.T, reply string, n int, cut bool, dials *int) *redis.Client {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	serve := func(server net.Conn) {
		defer server.Close()
		for sent := make([]byte, 1<<10); ; {
			k, err := server.Read(sent)
			if err != nil {
				return
			}
			isRead := bytes.Contains(sent[:k], []byte(packedName)) || bytes.Contains(sent[:k], []byte("XADD"))
			answer := []byte("-ERR unknown command\r\n")
			if isRead {
				answer = []byte(reply)
			}
			for part := range slices.Chunk(answer, n) {
				_, _ = server.Write(part)
			}
			if cut && isRead {
				return
			}
		}
	}
	go func() {
		for {
			server, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(server)
		}
	}()
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		*dials++
		return new(net.Dialer).DialContext(ctx, network, listener.Addr().String())
	}
	rdb, _ := OpenFollowing(nil, &redis.Options{
		Addr: "server", Dialer: dial, MaxRetries: -1, DialerRetries: 1, PoolSize: 1, DisableIdentity: true,
		MaintNotificationsConfig: NoMaintenance(),
	})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func readPacked(t *testing.T, rdb *redis.Client) ([]byte, error) {
	cmd := NewPackedCmd(t.Context(), "GROUP", "g", "c", "STREAMS", "s", ">")
	_ = rdb.Process(t.Context(), cmd)
	return cmd.Reply()
}

func TestAClientTakesPackedReplies(t *testing.T) {
	t.Parallel()
	for _, reply := range append(shortReplies, twoRESP2, twoRESP3) {
		dials := 0
		rdb := answering(t, reply, 5, false, &dials)
		for range 2 {
			if got, err := readPacked(t, rdb); err != nil || string(got) != reply {
				t.Errorf("got %q, %v, want %q", got, err, reply)
			}
		}
		if dials != 1 {
			t.Errorf("%q: %d connections", reply, dials)
		}
	}
}

// What has arrived was delivered. The connection is not used again, and its end is no reason to fail another command.
func TestATornReplyIsHandedOnAsFarAsItCame(t *testing.T) {
	t.Parallel()
	for _, whole := range []string{twoRESP2, twoRESP3} {
		for cut := range len(whole) {
			dials := 0
			rdb := answering(t, whole[:cut], 1+cut/2, true, &dials)
			for try := 1; try <= 2; try++ {
				if cut < 2 {
					if got, err := readPacked(t, rdb); cut > 0 && err == nil {
						t.Errorf("%q: got %q", whole[:cut], got)
					}
					break
				}
				if got, err := readPacked(t, rdb); err != nil || string(got) != whole[:cut] {
					t.Errorf("cut at %d: got %q, %v", cut, got, err)
				}
				if dials != try {
					t.Errorf("cut at %d: %d connections after %d tries", cut, dials, try)
				}
			}
		}
	}
}

func TestAReplyOfAnotherFormEndsTheConnection(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{
		"*1\r\n?\r\n", "\r\n", "*x\r\n", "*-2\r\n", "*1\n\n", "*99999999999\r\n", "%2147483647\r\n*2147483647\r\n",
		"*1\r\n$-7\r\n", strings.Repeat("*", longestHead+2),
	} {
		dials := 0
		rdb := answering(t, odd, 1<<20, false, &dials)
		for range 2 {
			if got, err := readPacked(t, rdb); !errors.Is(err, errReply) {
				t.Errorf("%.30q: got %q, %v", odd, got, err)
			}
		}
		if dials != 2 {
			t.Errorf("%.30q: %d connections", odd, dials)
		}
	}
}

// What a caller enqueues may look like a command, and come to the connection in a piece of its own.
func TestArgumentsAreNoCommands(t *testing.T) {
	t.Parallel()
	p := new(packer)
	p.begin()
	_, _ = p.write(io.Discard, []byte("*3\r\n$7\r\nEVALSHA\r\n"))
	_, _ = p.write(io.Discard, []byte(sentRead))
	got := make([]byte, len(twoRESP2))
	if n, err := p.read(strings.NewReader(twoRESP2), got); err != nil || string(got[:n]) != twoRESP2 {
		t.Errorf("got %q, %v", got[:n], err)
	}
	p.begin()
	_, _ = p.write(io.Discard, []byte(sentRead))
	_, _ = p.write(io.Discard, []byte("$1\r\nx\r\n"))
	if n, err := p.read(strings.NewReader(twoRESP2), got); err != nil || string(got[:n]) != packedAs(twoRESP2)[:n] {
		t.Errorf("of a command in two pieces: got %q, %v", got[:n], err)
	}
}

// A size that a reply claims to have costs nothing until that much has arrived.
func TestAClaimedSizeAsksForNoMemory(t *testing.T) {
	t.Parallel()
	p := new(packer)
	p.begin()
	_, _ = p.write(io.Discard, []byte(sentRead))
	from := io.MultiReader(strings.NewReader("*1\r\n$2147483000\r\nxx"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := p.read(from, make([]byte, 1)); err != nil || cap(p.in) > 1<<20 {
		t.Errorf("got %v; it holds %d bytes", err, cap(p.in))
	}
}

// However a reply is cut into pieces, its end is the same, and packing it changes none of its bytes.
func FuzzPackedReply(f *testing.F) {
	for _, reply := range append(shortReplies, twoRESP2, twoRESP3, pushed+twoRESP3, "|1\r\n+a\r\n:1\r\n"+twoRESP3) {
		f.Add([]byte(reply), 3)
	}
	f.Fuzz(func(t *testing.T, reply []byte, n int) {
		n = max(n, 1)
		var got [2]string
		for i, size := range []int{n, 1 << 20} {
			p, from := new(packer), chunked{bytes.NewReader(reply), size}
			p.begin()
			_, _ = p.write(io.Discard, []byte(sentRead))
			all, _ := io.ReadAll(readerFunc(func(b []byte) (int, error) { return p.read(from, b) }))
			got[i] = string(all)
			raw := redis.NewRawCmd(t.Context())
			raw.SetVal(all)
			text, err := PackedCmd{raw}.Reply()
			if err == nil && !bytes.Contains(reply, text) {
				t.Fatalf("%q: got %q", reply, text)
			}
		}
		if got[0] != got[1] {
			t.Errorf("%q: %d at a time %q, at once %q", reply, n, got[0], got[1])
		}
	})
}
