package redisx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
)

// adds are the requests of XADDs with these values.
func adds(t *testing.T, key string, values ...string) []byte {
	t.Helper()
	var requests []byte
	for i := range values {
		var err error
		if requests, err = AppendCommand(requests, "XADD", &key, "*", "f", []byte(values[i])); err != nil {
			t.Fatal(err)
		}
	}
	return requests
}

// asLibrary is how the client library writes a pipeline.
func asLibrary(commands int, requests []byte) []byte {
	n := fmt.Sprint(commands)
	return fmt.Appendf(nil, "*3\r\n%s$%d\r\n%s\r\n$%d\r\n%s\r\n", pipelineHead, len(n), n, len(requests), requests)
}

// outcomes lists what each command has replied.
func outcomes(p PackedPipeline) (replies []string, errs []error) {
	p.Replies(func(_ int, reply []byte, err error) {
		replies, errs = append(replies, string(reply)), append(errs, err)
	})
	return replies, errs
}

func TestAPipelineIsSentAsItsCommands(t *testing.T) {
	t.Parallel()
	requests := adds(t, "s", "a", "", "$14\r\nnavvy.pipeline\r\n", strings.Repeat("x", 10_000))
	whole := asLibrary(4, requests)
	for _, size := range []int{64, 100, 4096, len(whole) - 1, len(whole)} {
		p, server := new(packer), new(bytes.Buffer)
		p.begin()
		for part := range slices.Chunk(whole, size) {
			if n, err := p.write(server, part); n != len(part) || err != nil {
				t.Fatalf("%d bytes at a time: %d of %d written, %v", size, n, len(part), err)
			}
		}
		if server.String() != string(requests) {
			t.Errorf("%d bytes at a time: got %.200q, want %.200q", size, server, requests)
		}
		p.begin()
		if _, _ = p.write(server, []byte("more")); !strings.HasSuffix(server.String(), "\r\nmore") {
			t.Errorf("%d bytes at a time: what comes after is not sent", size)
		}
	}
}

// What a caller enqueues may look like a pipeline, and come to the connection in a piece of its own.
func TestArgumentsAreNoPipelines(t *testing.T) {
	t.Parallel()
	p, server := new(packer), new(bytes.Buffer)
	fake := asLibrary(2, adds(t, "s", "a", "b"))
	p.begin()
	_, _ = p.write(server, []byte("*3\r\n$7\r\nEVALSHA\r\n"))
	_, _ = p.write(server, fake)
	if !bytes.HasSuffix(server.Bytes(), fake) || p.replies.Load() != 0 {
		t.Errorf("got %q", server)
	}
}

// A head that is not whole is refused as if the server could not be dialled: nothing was sent.
func TestAHeadInPiecesIsRefused(t *testing.T) {
	t.Parallel()
	whole := asLibrary(2, adds(t, "s", "a", "b"))
	for _, end := range []int{25, 26, 30, 33} {
		p, server := new(packer), new(bytes.Buffer)
		p.begin()
		if _, err := p.write(server, whole[:end]); err == nil || server.Len() > 0 {
			t.Errorf("%q: got %v, and %q is sent", whole[:end], err, server)
		}
	}
}

func TestAPipelineHasAnOutcomeForEachCommand(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	for _, protocol := range []int{2, 3} {
		caller := redis.NewClient(&redis.Options{Addr: server.Addr, Protocol: protocol})
		t.Cleanup(func() { _ = caller.Close() })
		own, _, err := OwnClient(caller, 0, 1)
		if err != nil || !Packs(own) {
			t.Fatalf("packs: %t, %v", Packs(own), err)
		}
		t.Cleanup(func() { _ = own.Close() })
		key := fmt.Sprintf("stream:%d", protocol)
		if err := own.Set(t.Context(), "text", "x", 0).Err(); err != nil {
			t.Fatal(err)
		}
		large := strings.Repeat("x", 300_000)
		for range 2 {
			requests := append(adds(t, key, "a", large), adds(t, "text", "b")...)
			requests = append(requests, adds(t, key, "c\r\n$1\r\nx\r\n")...)
			p := NewPackedPipeline(t.Context(), 4, requests)
			_ = own.Process(t.Context(), p)
			replies, errs := outcomes(p)
			if errs[0] != nil || errs[1] != nil || errs[3] != nil || !redis.HasErrorPrefix(errs[2], "WRONGTYPE") {
				t.Fatalf("RESP%d: got %v", protocol, errs)
			}
			entries := own.XRange(t.Context(), key, replies[0], replies[3]).Val()
			if len(entries) != 3 || entries[1].Values["f"] != large || entries[2].Values["f"] != "c\r\n$1\r\nx\r\n" {
				t.Errorf("RESP%d: %d entries from %s to %s", protocol, len(entries), replies[0], replies[3])
			}
			if err := own.Ping(t.Context()).Err(); err != nil {
				t.Error(err)
			}
		}
	}
}

// Of a reply that ends early, those commands have an outcome whose reply has arrived. Of the others it is unknown.
func TestATornPipelineHasTheOutcomesThatCame(t *testing.T) {
	t.Parallel()
	parts := []string{"$3\r\n1-1\r\n", "-OOM command not allowed\r\n", "$3\r\n1-2\r\n"}
	whole := strings.Join(parts, "")
	for cut := range len(whole) {
		dials := 0
		rdb := answering(t, whole[:cut], 1+cut/2, true, &dials)
		p := NewPackedPipeline(t.Context(), 3, adds(t, "s", "a", "b", "c"))
		_ = rdb.Process(t.Context(), p)
		replies, errs := outcomes(p)
		if len(errs) != 3 {
			t.Fatalf("cut at %d: %d outcomes", cut, len(errs))
		}
		arrived := 0
		for i, part := range parts {
			arrived += len(part)
			var reply redis.Error
			switch came := arrived <= cut; {
			case !came && (errs[i] == nil || errors.As(errs[i], &reply)):
				t.Errorf("cut at %d: of command %d got %q, %v", cut, i, replies[i], errs[i])
			case came && i == 1 && !redis.HasErrorPrefix(errs[i], "OOM"), came && i != 1 && errs[i] != nil:
				t.Errorf("cut at %d: of command %d got %q, %v", cut, i, replies[i], errs[i])
			}
		}
	}
}

// Pushes between the replies belong to none of them.
func TestPushesBetweenRepliesAreLeftOut(t *testing.T) {
	t.Parallel()
	dials := 0
	rdb := answering(t, pushed+"$3\r\n1-1\r\n"+pushed+pushed+"+OK\r\n", 3, false, &dials)
	for range 2 {
		p := NewPackedPipeline(t.Context(), 2, adds(t, "s", "a", "b"))
		_ = rdb.Process(t.Context(), p)
		if replies, errs := outcomes(p); errors.Join(errs...) != nil || fmt.Sprint(replies) != "[1-1 OK]" {
			t.Errorf("got %v, %v", replies, errs)
		}
	}
	if dials != 1 {
		t.Errorf("%d connections", dials)
	}
}

// A reply that cannot be an XADD's ends the outcomes: what follows it may be anything.
func TestAnOddReplyEndsTheOutcomes(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{"*1\r\n+OK\r\n", "$-1\r\n", ":1\r\n", "_\r\n"} {
		dials := 0
		rdb := answering(t, "$3\r\n1-1\r\n"+odd+"$3\r\n1-2\r\n", 1<<20, false, &dials)
		p := NewPackedPipeline(t.Context(), 3, adds(t, "s", "a", "b", "c"))
		_ = rdb.Process(t.Context(), p)
		if _, errs := outcomes(p); errs[0] != nil || !errors.Is(errs[1], errReply) || !errors.Is(errs[2], errReply) {
			t.Errorf("%q: got %v", odd, errs)
		}
	}
}

// The masters are looked for when one of the commands was refused by a replica, though the pipeline has succeeded.
func TestARefusalWithinAPipelineIsAReasonToLook(t *testing.T) {
	t.Parallel()
	for replies, want := range map[string]int{
		"$3\r\n1-1\r\n-READONLY You can't write against a read only replica.\r\n": 1,
		"-OOM command not allowed\r\n$3\r\n1-1\r\n":                               0,
	} {
		p := NewPackedPipeline(t.Context(), 2, nil)
		looks := 0
		hook := followHook{look: func(time.Time) { looks++ }, patient: true}
		err := hook.ProcessHook(func(context.Context, redis.Cmder) error {
			p.SetVal([]byte(packedAs(replies)))
			return nil
		})(t.Context(), p)
		if looks != want || err != nil {
			t.Errorf("%q: %d looks, %v", replies, looks, err)
		}
	}
}

// Whatever a server replies, each command has an outcome, the same however it arrives.
func FuzzPackedPipeline(f *testing.F) {
	for _, replies := range []string{"$3\r\n1-1\r\n-ERR\r\n+OK\r\n", pushed + "$0\r\n\r\n" + pushed, "$9\r\n1", twoRESP3} {
		f.Add([]byte(replies), 3, 3)
	}
	f.Fuzz(func(t *testing.T, replies []byte, commands, size int) {
		commands, size = min(max(commands, 2), 500), max(size, 1)
		var got [2]string
		for i, size := range []int{size, 1 << 20} {
			conn, from := new(packer), chunked{bytes.NewReader(replies), size}
			conn.begin()
			_, _ = conn.write(io.Discard, asLibrary(commands, nil))
			all, _ := io.ReadAll(readerFunc(func(b []byte) (int, error) { return conn.read(from, b) }))
			p := NewPackedPipeline(t.Context(), commands, nil)
			p.SetVal(all)
			texts, errs := outcomes(p)
			if len(errs) != commands {
				t.Fatalf("%q: %d outcomes of %d", replies, len(errs), commands)
			}
			got[i] = fmt.Sprint(texts)
		}
		if got[0] != got[1] {
			t.Errorf("%q: %d at a time %s, at once %s", replies, size, got[0], got[1])
		}
	})
}
