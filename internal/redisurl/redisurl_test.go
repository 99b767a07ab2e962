package redisurl_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisurl"
)

func TestMain(m *testing.M) {
	code := redistest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func TestOpenSpeaksToRealRedis(t *testing.T) {
	t.Parallel()
	sock := filepath.Join(t.TempDir(), "redis.sock")
	server := redistest.New(t, "--unixsocket", sock)
	if err := server.Client(t).ConfigSet(t.Context(), "requirepass", "s3cret!").Err(); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{
		"tcp":  "redis://:s3cret%21@" + server.Addr + "/0",
		"db":   "redis://default:s3cret%21@" + server.Addr + "/1?read_timeout=1s",
		"unix": "unix://:s3cret%21@" + sock + "?db=1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rdb, err := redisurl.Open(url)
			if err != nil {
				t.Fatal(err)
			}
			defer rdb.Close()
			if err := rdb.Ping(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestOpenFailsFast(t *testing.T) {
	t.Parallel()
	rdb, err := redisurl.Open("redis://127.0.0.1:1/0")
	if err != nil {
		t.Fatal(err)
	}
	defer rdb.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := rdb.Ping(ctx).Err(); err == nil || ctx.Err() != nil {
		t.Fatalf("ping of a closed port: %v (context: %v)", err, ctx.Err())
	}
}

func TestOpenCluster(t *testing.T) {
	t.Parallel()
	rdb, err := redisurl.Open("redis-cluster://u:p@h1:7001,h2:7002,h3")
	if err != nil {
		t.Fatal(err)
	}
	defer rdb.Close()
	options := rdb.(*redis.ClusterClient).Options()
	if got := strings.Join(options.Addrs, " "); got != "h1:7001 h2:7002 h3:6379" {
		t.Errorf("addresses: %s", got)
	}
	if options.Username != "u" || options.Password != "p" || options.DialTimeout != 3*time.Second {
		t.Errorf("options: %q %q %s", options.Username, options.Password, options.DialTimeout)
	}
}

func TestOpenSentinelFindsItsMaster(t *testing.T) {
	t.Parallel()
	rdb, err := redisurl.Open("redis-sentinel://u:p%40ss@h1:26379,h2:26379/mymaster?db=2&sentinel_password=sp")
	if err != nil {
		t.Fatal(err)
	}
	defer rdb.Close()
	options := rdb.(*redis.Client).Options()
	if options.DB != 2 || options.Username != "u" || options.Password != "p@ss" {
		t.Errorf("options: db %d, %q %q", options.DB, options.Username, options.Password)
	}
}

func TestInvalidURLsNeverShowTheirSecret(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "hunter2", "hunter2:6379", "://hunter2", "http://:hunter2@h/0", "redis://:hunter2@h:port/0",
		"redis://u:hun#hunter2@h:6379", "redis://hunter2/hunter2@h:1", "redis://u:1?hunter2@h",
		"redis://:hunter2@h:6379/nodb", "redis://h:6379/0?hunter2=1", "redis://h:6379/0?read_timeout=hunter2",
		"redis-sentinel://:hunter2@h:26379", "redis-cluster://:hunter2@h:1,:hunter2:x", "unix://:hunter2@",
	} {
		rdb, err := redisurl.Open(url)
		if err == nil {
			_ = rdb.Close()
		}
		if !errors.Is(err, redisurl.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", url, err)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error repeats the secret: %v", url, err)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"redis://u:hunter2@h:6379/0?password=hunter2": "redis://h:6379/0",
		"redis-cluster://u:hunter2@h:1,i:2":           "redis-cluster://h:1,i:2",
		"unix://:hunter2@/run/redis.sock":             "unix:///run/redis.sock",
		"redis://hunter2:x":                           "(a URL that does not parse)",
	} {
		if got := redisurl.Redact(url); got != want {
			t.Errorf("Redact(%q) = %q, want %q", url, got, want)
		}
	}
}
