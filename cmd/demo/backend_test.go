package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
)

func openClient(t *testing.T, b *backend) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(b.url)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func TestEmbedded(t *testing.T) {
	t.Parallel()
	b, err := startEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	defer b.stop()
	if !strings.Contains(b.note, "in memory, nothing survives") {
		t.Errorf("note %q", b.note)
	}
	rdb := openClient(t, b)
	if err := rdb.Set(t.Context(), "short-lived", 1, 20*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	gone := func() (bool, error) { n, err := rdb.Exists(t.Context(), "short-lived").Result(); return n == 0, err }
	if err := poll(t.Context(), 5*time.Millisecond, gone); err != nil {
		t.Error("the key does not expire:", err)
	}
}

// TestPrivate checks that the data of a private server outlives it, is nobody else's to read, and is used by one
// demo at a time.
func TestPrivate(t *testing.T) {
	t.Parallel()
	binary, err := redistest.Binary()
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	first, err := startPrivate(t.Context(), binary, data)
	if err != nil {
		t.Fatal(err)
	}
	if err := openClient(t, first).Set(t.Context(), "kept", "yes", 0).Err(); err != nil {
		t.Error(err)
	}
	if second, err := startPrivate(t.Context(), binary, data); err == nil {
		second.stop()
		t.Error("a second server was started on the same data")
	}
	first.stop()
	if info, err := os.Stat(data); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data directory %v, %v", info.Mode(), err)
	}
	again, err := startPrivate(t.Context(), binary, data)
	if err != nil {
		t.Fatal(err)
	}
	defer again.stop()
	if kept, err := openClient(t, again).Get(t.Context(), "kept").Result(); kept != "yes" {
		t.Errorf("kept %q, %v", kept, err)
	}
}

func TestPrivateThatFails(t *testing.T) {
	t.Parallel()
	_, err := startPrivate(t.Context(), "/bin/false", t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "it ended at once") {
		t.Errorf("start of a server that ends: %v", err)
	}
}

func TestFreeAddress(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	got, err := freeAddress(taken.Addr().String())
	if err != nil || got == taken.Addr().String() || !strings.HasPrefix(got, "127.0.0.1:") {
		t.Errorf("%q, %v in place of %s", got, err, taken.Addr())
	}
	if _, err := freeAddress("nonsense"); err == nil {
		t.Error("an address without a port was accepted")
	}
}
