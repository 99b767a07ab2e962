package redisx

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/prelude.lua
var shared embed.FS

// replicateEffects makes Redis before 7.0 accept a write after the time or a generated ID was asked for. Later servers
// always work so.
const replicateEffects = "if redis.replicate_commands then redis.replicate_commands() end\n"

// Script is a script of a package. Its Run sends EVALSHA, and EVAL if the server does not have the script.
type Script struct {
	*redis.Script
	text string
}

// Text returns the script as it is sent, for callers that put it into a pipeline.
func (s *Script) Text() string { return s.text }

// LoadScript makes a script of the file lua/<name>.lua. The file begins with comments: what the script does, then one
// line for each key, argument and reply:
//
//	-- KEYS[1]  the lock, a string
//	-- ARGV[1]  TTL in milliseconds
//	-- ARGV[2…] the fields and values of the holder
//	-- Reply    1 extended, 0 it was no longer the caller's
//
// Comments on lines of their own are not sent: Redis keeps a script's text. Before the script come those functions that
// it calls of two preludes: that of this package, and the file lua/prelude.lua if the caller's package has one. A
// prelude is a list of functions, each from "local function name(" to "end" at the beginning of a line; a function may
// call those before it.
//
// A script whose file is missing fails with an error that names the file.
func LoadScript(files fs.FS, name string) *Script {
	text := replicateEffects + withPreludes(files, code(files, name))
	return &Script{Script: redis.NewScript(text), text: text}
}

// code returns a script without its comments.
func code(files fs.FS, name string) string {
	file := "lua/" + name + ".lua"
	text, err := fs.ReadFile(files, file)
	if err != nil {
		return fmt.Sprintf("return redis.error_reply('ERR no script %s')\n", file)
	}
	return withoutComments(string(text))
}

func withoutComments(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// withPreludes puts before a script the functions that it calls. From the last to the first, since a function may call
// those before it.
func withPreludes(files fs.FS, script string) string {
	for _, source := range []fs.FS{files, shared} {
		prelude, err := fs.ReadFile(source, "lua/prelude.lua")
		if err != nil {
			continue // the package has none
		}
		for _, f := range slices.Backward(functions(withoutComments(string(prelude)))) {
			if calls(script, f.name) {
				script = f.text + script
			}
		}
	}
	return script
}

type function struct{ name, text string }

// functions splits a prelude. It and calls run for each script whenever a program starts, so they do without regular
// expressions.
func functions(prelude string) (found []function) {
	const begin = "local function "
	at, size := -1, 0 // of the function that is being read
	for line := range strings.Lines(prelude) {
		if at < 0 && strings.HasPrefix(line, begin) {
			at = size
		}
		size += len(line)
		if at >= 0 && line == "end\n" {
			text := prelude[at:size]
			name, _, _ := strings.Cut(text[len(begin):], "(")
			found = append(found, function{name, text})
			at = -1
		}
	}
	return found
}

// calls reports whether a script has the name as a whole word, and a bracket after it.
func calls(script, name string) bool {
	for call := name + "("; ; {
		at := strings.Index(script, call)
		if at < 0 {
			return false
		}
		if at == 0 || !isWord(script[at-1]) {
			return true
		}
		script = script[at+len(call):]
	}
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
