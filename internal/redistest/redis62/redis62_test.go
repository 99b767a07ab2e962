package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
)

func TestMain(m *testing.M) {
	if os.Getenv("REDIS62_SERVES") != "" {
		main()
	}
	os.Exit(m.Run())
}

// The test's own binary is the server.
func TestWhatIsNewerIsRefused(t *testing.T) {
	binary, err := redistest.Binary()
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if binary, err = filepath.Abs(binary); err != nil {
		t.Fatal(err)
	}
	t.Setenv("REDIS_NEWER", binary)
	t.Setenv("REDIS62_SERVES", "yes")
	t.Setenv("REDIS_SERVER", own)
	rdb := redistest.New(t).Client(t)
	if err := rdb.XGroupCreateMkStream(t.Context(), "s", "g", "0").Err(); err != nil {
		t.Fatal(err)
	}
	for text, refused := range map[string]bool{
		"SET k v": false, "EXPIRE k 100": false, "EXPIRE k 100 NX": true, "EXPIRETIME k": true, "SET k v NX": false,
		"SET k v NX GET": true, "XADD s 5-* f v": true, "XADD s * f v-*": false, "XGROUP CREATE s g1 0": false,
		"XGROUP CREATE s g2 0 ENTRIESREAD 1": true, "CONFIG GET port": false, "CONFIG GET port dir": true,
		"EVAL return(redis.call('PING')) 0": false, "EVAL return(redis.call('EXPIRETIME','k')) 0": true,
		"CLUSTER SHARDS": true, "FUNCTION LIST": true, "EVAL_RO return(1) 0": true, "GETEX k": false,
		"XAUTOCLAIM s g c 0 0": false,
	} {
		var words []any
		for word := range strings.FieldsSeq(text) {
			words = append(words, word)
		}
		err := rdb.Do(t.Context(), words...).Err()
		if is := err != nil && !errors.Is(err, redis.Nil); is != refused {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Requests that come in pieces, and lines, are passed on as they are.
func TestRequestsArePassedOnUnchanged(t *testing.T) {
	t.Parallel()
	const sent = "PING\r\n*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n"
	var out bytes.Buffer
	if err := requests(strings.NewReader(sent), &out, &newerThan{}); err == nil || out.String() != sent {
		t.Errorf("%q, %v", out.String(), err)
	}
	if words, _, err := request(bufio.NewReader(strings.NewReader("*1\r\nx\r\n"))); err == nil {
		t.Errorf("got %q", words)
	}
}
