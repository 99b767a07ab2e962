package navvy_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// difference says what two lists do not have in common.
func difference(listed, there []string) (complaints []string) {
	for _, name := range there {
		if !slices.Contains(listed, name) {
			complaints = append(complaints, name+" is not listed")
		}
	}
	for n, name := range listed {
		switch {
		case !slices.Contains(there, name):
			complaints = append(complaints, name+" is listed and is not there")
		case slices.Contains(listed[:n], name):
			complaints = append(complaints, name+" is listed twice")
		}
	}
	return complaints
}

func TestADifferenceIsNoticed(t *testing.T) {
	t.Parallel()
	got := difference([]string{"a", "b", "a"}, []string{"a", "c"})
	if want := []string{"c is not listed", "b is listed and is not there", "a is listed twice"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// inspectFile visits every node of a Go file.
func inspectFile(t *testing.T, path string, visit func(ast.Node)) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		visit(node)
		return true
	})
}

func literal(node ast.Expr) string {
	text, isLiteral := node.(*ast.BasicLit)
	if !isLiteral || text.Kind != token.STRING {
		return ""
	}
	value, err := strconv.Unquote(text.Value)
	if err != nil {
		return ""
	}
	return value
}

// TestEveryEventIsInOperations holds the table against the constants of type EventType.
func TestEveryEventIsInOperations(t *testing.T) {
	t.Parallel()
	var events []string
	inspectFile(t, "queue/events.go", func(node ast.Node) {
		spec, isValue := node.(*ast.ValueSpec)
		if !isValue || len(spec.Values) != 1 {
			return
		}
		if name, isNamed := spec.Type.(*ast.Ident); isNamed && name.Name == "EventType" {
			events = append(events, literal(spec.Values[0]))
		}
	})
	if len(events) < 20 {
		t.Fatalf("queue/events.go has %d events: it was not understood", len(events))
	}
	var listed []string
	for _, row := range tableRows(t, "docs/operations.md", "## Events and log lines", 4) {
		listed = append(listed, inCode(row[0])...)
	}
	for _, complaint := range difference(listed, events) {
		t.Errorf("docs/operations.md: event %s", complaint)
	}
}

// TestEveryMetricIsInOperations holds the table, labels included, against the descriptions that the exporter registers.
func TestEveryMetricIsInOperations(t *testing.T) {
	t.Parallel()
	var metrics []string
	inspectFile(t, "cmd/monitor/metrics.go", func(node ast.Node) {
		call, isCall := node.(*ast.CallExpr)
		if !isCall || len(call.Args) < 2 {
			return
		}
		if name, isNamed := call.Fun.(*ast.Ident); !isNamed || name.Name != "desc" {
			return
		}
		labels := make([]string, 0, len(call.Args))
		for _, label := range call.Args[2:] {
			labels = append(labels, literal(label))
		}
		metrics = append(metrics, fmt.Sprintf("navvy_%s %q", literal(call.Args[0]), labels))
	})
	if len(metrics) < 10 {
		t.Fatalf("cmd/monitor/metrics.go has %d metrics: it was not understood", len(metrics))
	}
	var listed []string
	for _, row := range tableRows(t, "docs/operations.md", "## Metrics and alerts", 4) {
		listed = append(listed, fmt.Sprintf("%s %q", strings.Trim(row[0], "`"), append([]string{}, inCode(row[2])...)))
	}
	for _, complaint := range difference(listed, metrics) {
		t.Errorf("docs/operations.md: metric %s", complaint)
	}
}

// TestEveryAlertIsInOperations holds the table against the rules for Prometheus.
func TestEveryAlertIsInOperations(t *testing.T) {
	t.Parallel()
	var alerts []string
	rules := readDoc(t, "deploy/prometheus/navvy.rules.yml")
	for _, match := range regexp.MustCompile(`(?m)^\s*- alert: (\w+)`).FindAllStringSubmatch(rules, -1) {
		alerts = append(alerts, match[1])
	}
	var listed []string
	for _, row := range tableRows(t, "docs/operations.md", "## Metrics and alerts", 3) {
		listed = append(listed, inCode(row[0])...)
	}
	for _, complaint := range difference(listed, alerts) {
		t.Errorf("docs/operations.md: alert %s", complaint)
	}
}

// script is what is read of a .lua file: which keys it adds to, and from which it only removes.
type script struct{ adds, removes map[string]bool }

var (
	keyOfHead      = regexp.MustCompile(`(?m)^-- KEYS\[(\d+)[^\]]*\]\S*\s+(.+)$`)
	writtenKey     = regexp.MustCompile(`(?:redis\.p?call\(|call_if_there\(|try\(\w+, )'(\w+)', ?KEYS\[([^\]]+)\]`)
	helpersCall    = regexp.MustCompile(`\b(\w+)\(((?:[^()]|\([^()]*\))*)\)`)
	deletedKeys    = regexp.MustCompile(`(?:redis\.p?call\(|call_if_there\(|try\(\w+, )'(?:DEL|UNLINK)'([^)]*)\)`)
	helpersKey     = regexp.MustCompile(`KEYS\[([^\]]+)\]`)
	luaLoop        = `for %s = (\d+), (#KEYS|\d+)`
	keyOfEach      = regexp.MustCompile(`^(?:(\d+) \* )?n(?: \+ (\d+))?$`)
	listOfKeys     = regexp.MustCompile(`(\w+)\[#\w+ \+ 1\] = KEYS\[([^\]]+)\]`)
	namesOfEntries = regexp.MustCompile(`\b(?:place_of|name_of|lane_of)\([^()]*\)`)
	afterTheKey    = regexp.MustCompile(`[,:(].*$`)
)

// effect is what a function of the scripts' prelude does to the keys that it is given.
type effect int

const (
	reads effect = iota
	adds
	removes
)

// helpers are the functions of the prelude.
var helpers = map[string]effect{
	"add_job": adds, "add_ended": adds, "set_record": adds, "move_guard": adds, "end_guard": adds, "count": adds,
	"remove_entry": removes, "release_unique": removes, "remove_ended": removes, "free_guard": removes,
	"owns": reads, "consumer_of": reads, "has_lease": reads, "read_blame": reads, "note_crash": adds, "has_entry": reads,
	"read_guard": reads, "state_at": reads, "member_for": reads, "is_record_of_other": reads, "add_failure": reads,
	"is_elsewhere": reads, "groups_of": reads, "count_waiting": reads, "bytes_of": reads, "listed_name": reads,
	"owns_job": reads, "reached_ms": reads, "queue_ms": reads, "ring": reads, "note_death": adds, "others_died": reads,
	"due_in": reads, "nearer_due": reads, "error_text": reads, "held_by": reads, "read_calls": reads,
	"move_guards": adds, "end_guards": adds, "guarded_state": reads, "add_guarded": adds, "ms_until": reads,
	"last_words": reads, "cron_state": reads, "note_cron": adds, "promote_jobs": adds, // see noteMove
	"read_body": reads, "lane_of": reads, "place_of": reads, "name_of": reads, "with_lane": reads,
	"shorten_lease": reads, "try": reads, // of its keys it changes the first alone; by writtenKey
}

// TestEveryHelperIsKnown holds the table above against the prelude.
func TestEveryHelperIsKnown(t *testing.T) {
	t.Parallel()
	var there, listed []string
	text := readDoc(t, "queue/internal/wire/lua/prelude.lua")
	for _, match := range regexp.MustCompile(`(?m)^local function (\w+)`).FindAllStringSubmatch(text, -1) {
		there = append(there, match[1])
	}
	for name := range helpers {
		listed = append(listed, name)
	}
	for _, complaint := range difference(listed, there) {
		t.Errorf("prelude.lua: %s", complaint)
	}
}

// keyWords reads the head of a script: what each key is called.
func keyWords(text string) map[int]string {
	words := map[int]string{}
	for _, match := range keyOfHead.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(match[1])
		word, _, _ := strings.Cut(match[2], " (")  // "unique key (only if the job has one)" is the unique key
		if _, isKey := keysOfWords[word]; !isKey { // "the dead:ids, a hash" is dead:ids
			word = strings.TrimPrefix(word, "the ")
		}
		if _, isKey := keysOfWords[word]; !isKey {
			word = strings.TrimSpace(afterTheKey.ReplaceAllString(word, ""))
		}
		words[n] = word
	}
	return words
}

// noteMove notes what promote_jobs does: it adds to the first and the fourth of its keys, and removes from the others.
func noteMove(keys [][]string, s script, note func(map[string]bool, string) error) {
	for n, key := range keys {
		to := s.removes
		if n == 0 || n == 3 {
			to = s.adds
		}
		_ = note(to, key[1])
	}
}

var (
	keysOfEach    = regexp.MustCompile(`(?ms)^-- KEYS\[1…\] of each queue \w+: (.*?)\n-- ARGV`)
	keyParameters = regexp.MustCompile(`(?s)local function \w+\(\w+, (workers[^)]*)\)`)
)

// ofOneQueue makes a script that takes the keys of many queues, and works on those of one in a function, as if it were
// for one alone.
func ofOneQueue(text string) (one string, words map[int]string) {
	head, parameters := keysOfEach.FindStringSubmatch(text), keyParameters.FindStringSubmatch(text)
	if head == nil || parameters == nil {
		return text, keyWords(text)
	}
	split := func(list string) []string {
		return strings.Split(strings.Join(strings.Fields(strings.ReplaceAll(list, "--", "")), " "), ", ")
	}
	words = map[int]string{}
	names := split(head[1])
	for i, parameter := range split(parameters[1]) {
		words[i+1] = names[i]
		text = regexp.MustCompile(`\b`+parameter+`\b`).ReplaceAllString(text, fmt.Sprintf("KEYS[%d]", i+1))
	}
	return text, words
}

// readScript finds the keys that a script writes.
func readScript(text string) (script, error) {
	text, words := ofOneQueue(text)
	s := script{map[string]bool{}, map[string]bool{}}
	note := func(to map[string]bool, index string) error {
		if each := keyOfEach.FindStringSubmatch(index); each != nil { // of the first of many jobs
			factor, _ := strconv.Atoi(cmp.Or(each[1], "1"))
			plus, _ := strconv.Atoi(cmp.Or(each[2], "0"))
			index = strconv.Itoa(factor + plus)
		}
		first, err := strconv.Atoi(index)
		last := first
		if err != nil {
			loop := regexp.MustCompile(fmt.Sprintf(luaLoop, index)).FindStringSubmatch(text)
			if loop == nil {
				return fmt.Errorf("it is not clear which key KEYS[%s] is", index)
			}
			first, _ = strconv.Atoi(loop[1])
			if last, err = strconv.Atoi(loop[2]); err != nil {
				last = max(first, len(words))
			}
		}
		for n := first; n <= last; n++ {
			if words[n] == "" && n > first {
				continue
			}
			keys, known := keysOfWords[words[n]]
			if !known {
				return fmt.Errorf("its head calls KEYS[%d] %q: add what that is to keysOfWords", n, words[n])
			}
			for _, key := range keys {
				to[key] = true
			}
		}
		return nil
	}
	for _, match := range writtenKey.FindAllStringSubmatch(text, -1) {
		var err error
		switch match[1] {
		case "XADD", "ZADD", "HSET", "HSETNX", "HINCRBY", "SET", "SADD", "INCR":
			err = note(s.adds, match[2])
		case "XDEL", "ZREM", "HDEL", "SREM":
			err = note(s.removes, match[2])
		}
		if err != nil {
			return s, err
		}
	}
	for _, list := range listOfKeys.FindAllStringSubmatch(text, -1) {
		text = strings.ReplaceAll(text, "unpack("+list[1]+")", "KEYS["+list[2]+"], unpack("+list[1]+")")
	}
	for _, call := range deletedKeys.FindAllStringSubmatch(text, -1) {
		for _, key := range helpersKey.FindAllStringSubmatch(call[1], -1) {
			if err := note(s.removes, key[1]); err != nil {
				return s, err
			}
		}
	}
	text = namesOfEntries.ReplaceAllString(text, "''")
	for _, call := range helpersCall.FindAllStringSubmatch(text, -1) {
		if call[1] == "promote_jobs" {
			noteMove(helpersKey.FindAllStringSubmatch(call[2], -1), s, note)
			continue
		}
		to := map[effect]map[string]bool{adds: s.adds, removes: s.removes}[helpers[call[1]]]
		if to == nil {
			continue
		}
		for _, key := range helpersKey.FindAllStringSubmatch(call[2], -1) {
			if err := note(to, key[1]); err != nil {
				return s, err
			}
		}
	}
	for key := range s.adds {
		delete(s.removes, key)
	}
	return s, nil
}

// TestKeysNameTheirWriters holds the columns "written by" and "goes" of the engine's keys against the scripts.
func TestKeysNameTheirWriters(t *testing.T) {
	t.Parallel()
	scripts := map[string]script{}
	err := filepath.WalkDir("queue", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".lua" || filepath.Base(path) == "prelude.lua" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if scripts[strings.TrimSuffix(filepath.Base(path), ".lua")], err = readScript(string(text)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return nil
	})
	if err != nil || len(scripts) < 20 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, row := range tableRows(t, "docs/keys.md", "## The engine", 6) {
		key := strings.Trim(row[0], "`")
		for column, what := range map[int]string{3: "written by", 5: "goes"} {
			var named, there []string
			for _, word := range inCode(row[column]) {
				if _, isScript := scripts[word]; isScript {
					named = append(named, word)
				}
			}
			for name, s := range scripts {
				if column == 3 && s.adds[key] || column == 5 && s.removes[key] {
					there = append(there, name)
				}
			}
			for _, complaint := range difference(named, there) {
				t.Errorf("docs/keys.md, %s, %s: %s", key, what, complaint)
			}
		}
	}
}
