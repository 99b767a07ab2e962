package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// newerThan is what a server has that Redis 6.2 has not. Names are in lower case.
type newerThan struct {
	Commands    []string            // without subcommands
	Subcommands map[string]bool     // "cluster|shards"
	Options     map[string][]string // by command, or command and subcommand: words
}

// lookUp finds what a server has that is newer, by its own account, which is kept in a file.
func lookUp(binary string) (*newerThan, error) {
	info, err := os.Stat(binary)
	if err != nil {
		return nil, err
	}
	sum := fnv.New64()
	fmt.Fprint(sum, binary, info.Size(), info.ModTime())
	file := filepath.Join(os.TempDir(), fmt.Sprintf("navvy-redis62-%d-%x.json", os.Getuid(), sum.Sum64()))
	if text, err := os.ReadFile(file); err == nil {
		known := new(newerThan)
		return known, json.Unmarshal(text, known)
	}
	known, err := ask(binary)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(known)
	if err != nil {
		return nil, err
	}
	temporary := fmt.Sprintf("%s.%d", file, os.Getpid())
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return nil, err
	}
	return known, os.Rename(temporary, file)
}

// ask starts the server and has it describe its commands.
func ask(binary string) (*newerThan, error) {
	dir, err := os.MkdirTemp("", "redis62-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "socket")
	server, err := start(binary, []string{"--port", "0", "--unixsocket", socket, "--dir", dir, "--save", ""})
	if err != nil {
		return nil, err
	}
	defer func() { _ = server.Wait() }()
	defer func() { _ = server.Process.Kill() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: socket, Protocol: 2, MaxRetries: -1})
	defer rdb.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for rdb.Ping(ctx).Err() != nil && ctx.Err() == nil {
		<-tick.C
	}
	docs, err := rdb.Do(ctx, "COMMAND", "DOCS").Slice()
	if err != nil {
		return nil, fmt.Errorf("%s does not describe its commands: %w", binary, err)
	}
	known := &newerThan{Subcommands: map[string]bool{}, Options: map[string][]string{}}
	known.add(docs)
	for _, name := range []string{"xgroup|create", "xgroup|setid"} { // not described as newer
		known.Options[name] = append(known.Options[name], "entriesread")
	}
	return known, nil
}

// add takes names and descriptions of commands or subcommands.
func (k *newerThan) add(docs []any) {
	for name, doc := range pairs(docs) {
		about := map[string]any{}
		for key, value := range pairs(asSlice(doc)) {
			about[key] = value
		}
		if isNewer(about["since"]) {
			if strings.Contains(name, "|") {
				k.Subcommands[name] = true
			} else {
				k.Commands = append(k.Commands, name)
			}
			continue
		}
		if words := options(asSlice(about["arguments"]), false); len(words) > 0 {
			k.Options[name] = words
		}
		k.add(asSlice(about["subcommands"]))
	}
}

// options lists the words of arguments that are newer, or stand in one that is.
func options(arguments []any, within bool) (words []string) {
	for _, argument := range arguments {
		about := map[string]any{}
		for key, value := range pairs(asSlice(argument)) {
			about[key] = value
		}
		newer := within || isNewer(about["since"])
		if word, _ := about["token"].(string); newer && word != "" {
			words = append(words, strings.ToLower(word))
		}
		words = append(words, options(asSlice(about["arguments"]), newer)...)
	}
	return words
}

// isNewer reports whether a version is later than 6.2.
func isNewer(since any) bool {
	text, _ := since.(string)
	var major, minor int
	_, _ = fmt.Sscanf(text, "%d.%d", &major, &minor)
	return major > 6 || major == 6 && minor > 2
}

func asSlice(value any) []any {
	list, _ := value.([]any)
	return list
}

// pairs iterates over a list of names and values.
func pairs(list []any) func(func(string, any) bool) {
	return func(yield func(string, any) bool) {
		for i := 0; i+1 < len(list); i += 2 {
			if name, is := list[i].(string); is && !yield(strings.ToLower(name), list[i+1]) {
				return
			}
		}
	}
}
