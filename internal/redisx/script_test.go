package redisx_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisx"
)

var scripts = os.DirFS("testdata/scripts")

func TestScriptsGetTheFunctionsTheyCallAndLoseTheirComments(t *testing.T) {
	t.Parallel()
	text := redisx.LoadScript(scripts, "write").Text()
	for _, want := range []string{"redis.replicate_commands", "local function allow_when_full(", "-- stays"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	for _, unwanted := range []string{"KEYS[1]  a hash", "another comment", "now_ms", "now_us", "ten_times", "unused"} {
		if strings.Contains(text, unwanted) {
			t.Errorf("%q is in:\n%s", unwanted, text)
		}
	}
	text = redisx.LoadScript(scripts, "times").Text()
	last := -1
	for _, want := range []string{"now_us", "now_ms", "ten_times", "ten_times_now"} {
		at := strings.Index(text, "local function "+want+"(")
		if at <= last {
			t.Errorf("%q is missing or comes too early in:\n%s", want, text)
		}
		last = at
	}
	if strings.Contains(text, "unused") {
		t.Errorf("a function that is not called is in:\n%s", text)
	}
}

func TestScriptsRunByDigestAndWhereTheServerHasNotTheScript(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := server.Client(t)
	script := redisx.LoadScript(scripts, "times")
	for range 2 { // sent as text, then by its digest
		reply, err := script.Run(t.Context(), rdb, []string{"k"}).Int64Slice()
		must(t, err)
		now := time.Now().UnixMilli()
		if d := now - reply[0]; d < -1000 || d > 10_000 {
			t.Errorf("now_ms is %d at %d", reply[0], now)
		}
		if d := reply[1]/1000 - reply[0]; d < 0 || d > 10_000 {
			t.Errorf("now_us is %d, now_ms %d", reply[1], reply[0])
		}
		if reply[2]%10 != 0 || reply[2]/10 < reply[0] {
			t.Errorf("ten times %d is %d", reply[0], reply[2])
		}
	}
	known, err := rdb.ScriptExists(t.Context(), script.Hash()).Result()
	must(t, err)
	if !known[0] {
		t.Error("the server does not know the digest")
	}
	must(t, rdb.ScriptFlush(t.Context()).Err())
	must(t, script.Run(t.Context(), rdb, []string{"k"}).Err())
	if text := rdb.Eval(t.Context(), script.Text(), []string{"k"}); text.Err() != nil {
		t.Error(text.Err())
	}
}

func TestAMissingScriptIsAnErrorThatNamesIt(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	err := redisx.LoadScript(scripts, "none").Run(t.Context(), rdb, nil).Err()
	if err == nil || !strings.Contains(err.Error(), "lua/none.lua") {
		t.Errorf("got %v", err)
	}
}

func TestAScriptWritesWhileRedisIsFullIfItSaysSo(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t, "--maxmemory", "1").Client(t)
	err := redisx.LoadScript(scripts, "plain").Run(t.Context(), rdb, []string{"h"}, "v").Err()
	if !redis.HasErrorPrefix(err, "OOM") {
		t.Errorf("without the permission: %v", err)
	}
	added, err := redisx.LoadScript(scripts, "write").Run(t.Context(), rdb, []string{"h"}, "v").Int()
	if err != nil || added != 1 {
		t.Errorf("with it: added %d, %v", added, err)
	}
	must(t, rdb.Del(t.Context(), "h").Err())
	rdb = redistest.Shared(t).Client(t)
	key := redistest.Namespace()
	must(t, rdb.Set(t.Context(), key, "v", 0).Err())
	err = redisx.LoadScript(scripts, "write").Run(t.Context(), rdb, []string{key}, "v").Err()
	if !redis.HasErrorPrefix(err, "WRONGTYPE") {
		t.Errorf("on a key of another type: %v", err)
	}
}
