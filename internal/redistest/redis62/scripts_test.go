package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// newerOption finds a call in a script with an option that is newer than Redis 6.2: a proxy does not see it.
var newerOption = regexp.MustCompile(`(?i)'P?EXPIRE(?:AT)?'[^)]*'(?:NX|XX|GT|LT)'` +
	`|'SET'[^)]*'NX'[^)]*'GET'|'SET'[^)]*'GET'[^)]*'NX'|'XADD'[^)]*-\*|'XADD'[^)]*'(?:KEEPREF|DELREF|ACKED)'` +
	`|ENTRIESREAD|#!lua|redis\.(?:acl_check_cmd|REDIS_VERSION)`)

func TestScriptsHaveNoNewerOptions(t *testing.T) {
	t.Parallel()
	for text, newer := range map[string]bool{
		"redis.call('EXPIRE', KEYS[1], 5)": false, "redis.call('PEXPIRE', KEYS[1], 5, 'GT')": true,
		"redis.call('SET', KEYS[1], 5, 'NX')": false, "redis.call('SET', KEYS[1], 5, 'NX', 'GET')": true,
		"redis.call('XADD', stream, '*', 'id', id)": false, "redis.call('XADD', stream, '5-*', 'id', id)": true,
	} {
		if newerOption.MatchString(text) != newer {
			t.Errorf("%s: want %t", text, newer)
		}
	}
	scripts := 0
	err := filepath.WalkDir("../../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".lua") {
			return err
		}
		text, err := os.ReadFile(path)
		if found := newerOption.Find(text); found != nil {
			t.Errorf("%s has %s", path, found)
		}
		scripts++
		return err
	})
	if err != nil || scripts < 50 {
		t.Errorf("%d scripts, %v", scripts, err)
	}
}
