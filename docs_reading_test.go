package navvy_test

import (
	"fmt"
	"testing"
)

func TestReadingScripts(t *testing.T) {
	t.Parallel()
	got, err := readScript("-- KEYS[1]  the stream\n-- KEYS[2]  the dead:ids, a hash\n-- KEYS[3]  job (if any)\n" +
		"-- KEYS[4]  unique key\n-- KEYS[5]  id marker\n-- ARGV[1]  stream\n" +
		"-- Reply    1\nallow_when_full('HDEL', KEYS[2])\n" +
		"if owns(KEYS[2], ARGV[1]) then add_job(KEYS[1], ARGV[1]) end\nrelease_unique(KEYS[3], ARGV[1])\n" +
		"for i = 4, 5 do redis.call('DEL', KEYS[i]) end\nif redis.call('GET', KEYS[2]) then end\n")
	want := script{map[string]bool{"<stream>": true},
		map[string]bool{"<q>:job:<id>": true, "<q>:unique:<key>": true, "<q>:id:<id>": true}}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if _, err := readScript("-- KEYS[1]  the whatever\nredis.call('DEL', KEYS[1])\n"); err == nil {
		t.Error("an unknown key was read")
	}
}
