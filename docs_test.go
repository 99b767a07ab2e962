package navvy_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The documents are held against the tree: what they name must be there.

func readDoc(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tableRows returns the rows of the first table of so many columns below a heading, without its head.
func tableRows(t *testing.T, path, heading string, columns int) [][]string {
	t.Helper()
	_, section, found := strings.Cut(readDoc(t, path), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %q", path, heading)
	}
	section, _, _ = strings.Cut(section, "\n"+strings.SplitAfter(heading, " ")[0])
	var rows [][]string
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		isRow := len(cells) == columns+2
		if !isRow && len(rows) > 0 {
			break
		}
		if isRow {
			for n := range cells {
				cells[n] = strings.TrimSpace(cells[n])
			}
			rows = append(rows, cells[1:columns+1])
		}
	}
	if len(rows) < 3 {
		t.Fatalf("%s has no table of %d columns below %q", path, columns, heading)
	}
	return rows[2:]
}

// inCode returns what stands between backticks.
func inCode(text string) []string {
	var found []string
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

// placeError says why a file does not declare a symbol: a function, type, constant or variable by its name, a method as
// Type.method. Without a symbol the file must exist.
func placeError(file, symbol string) error {
	if symbol == "" {
		_, err := os.Stat(file)
		return err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, declaration := range parsed.Decls {
		if slices.Contains(declaredNames(declaration), symbol) {
			return nil
		}
	}
	return fmt.Errorf("%s does not declare %s", file, symbol)
}

func declaredNames(declaration ast.Decl) (names []string) {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []string{d.Name.Name}
		}
		return []string{receiverName(d.Recv.List[0].Type) + "." + d.Name.Name}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, name := range s.Names {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

func receiverName(receiver ast.Expr) string {
	switch r := receiver.(type) {
	case *ast.StarExpr:
		return receiverName(r.X)
	case *ast.IndexExpr:
		return receiverName(r.X)
	case *ast.Ident:
		return r.Name
	}
	return ""
}

func TestEveryPlaceOfContributingExists(t *testing.T) {
	t.Parallel()
	rows := tableRows(t, "CONTRIBUTING.md", "## Where to find it", 3)
	if len(rows) < 40 {
		t.Errorf("CONTRIBUTING.md answers %d questions, not 40", len(rows))
	}
	for _, row := range rows {
		if err := placeError(strings.Trim(row[1], "`"), strings.Trim(row[2], "`")); err != nil {
			t.Errorf("%s %v", row[0], err)
		}
	}
}

func TestAWrongPlaceIsNoticed(t *testing.T) {
	t.Parallel()
	for _, place := range [][2]string{
		{"docs_test.go", "placeError"}, {"docs_test.go", ""}, {"queue/start.go", "Worker.Start"},
		{"queue/worker.go", "WorkerConfig"}, {"queue/worker.go", "DefaultLease"}, {"LICENSE", ""},
	} {
		if err := placeError(place[0], place[1]); err != nil {
			t.Error(err)
		}
	}
	for _, place := range [][2]string{
		{"docs_test.go", "noSuchFunction"}, {"no_such_file.go", ""}, {"no_such_file.go", "Worker"},
		{"queue/worker.go", "Start"}, {"queue/worker.go", "Client.Start"}, {"LICENSE", "Worker"},
	} {
		if placeError(place[0], place[1]) == nil {
			t.Errorf("%s declares %s?", place[0], place[1])
		}
	}
}

// newcomersWords are what a newcomer has read in the README and looks for, each with the file that should have it.
var newcomersWords = map[string]string{
	"client": "queue/client.go", "worker": "queue/worker.go", "mux": "queue/mux.go", "job": "queue/job.go",
	"batch": "queue/batch.go", "raw": "queue/raw.go", "events": "queue/events.go", "errors": "queue/errors.go",
	"claim": "queue/claim.go", "settle": "queue/settle.go", "durable": "queue/durable.go", "session": "queue/session.go",
	"preflight": "queue/preflight.go", "trace": "queue/trace.go", "ack": "queue/ack.go", "heartbeat": "queue/heartbeat.go",
	"retry": "queue/retry.go", "snooze": "queue/snooze.go", "delay": "queue/delay.go", "promote": "queue/promote.go",
	"unique": "queue/unique.go", "id": "queue/id.go", "retain": "queue/retain.go", "result": "queue/result.go",
	"progress": "queue/progress.go", "timeout": "queue/timeout.go", "panic": "queue/panic.go", "dead": "queue/dead.go",
	"lease": "queue/lease.go", "reclaim": "queue/reclaim.go", "poison": "queue/poison.go", "stop": "queue/stop.go",
	"middleware": "queue/middleware.go", "weight": "queue/weight.go",
	"cancel": "queue/inspect/cancel.go", "pause": "queue/inspect/pause.go", "search": "queue/inspect/search.go",
	"stats": "queue/inspect/stats.go", "verify": "queue/inspect/verify.go", "requeue": "queue/inspect/requeue.go",
	"schedule": "queue/inspect/schedule.go", "metrics": "queue/inspect/metrics.go",
	"payment": "jobs/payment",
}

// isFound says whether the README's rule leads from a word to a place: a folder of that name, a file of the engine, or
// one of the inspector.
func isFound(word string, folders map[string]bool) bool {
	if folders[word] {
		return true
	}
	for _, file := range []string{"queue/" + word + ".go", "queue/inspect/" + word + ".go"} {
		if _, err := os.Stat(file); err == nil {
			return true
		}
	}
	return false
}

func folders(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || !entry.IsDir() || path == ".":
			return err
		case strings.HasPrefix(entry.Name(), "."), entry.Name() == "testdata", entry.Name() == "node_modules":
			return filepath.SkipDir
		}
		found[entry.Name()] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestTheReadmesRuleHolds allows for three words in 43: a rule without exceptions would bend names.
func TestTheReadmesRuleHolds(t *testing.T) {
	t.Parallel()
	const words, exceptions = 43, 3
	if len(newcomersWords) != words {
		t.Errorf("%d words, not %d", len(newcomersWords), words)
	}
	known := folders(t)
	var missing []string
	for word, place := range newcomersWords {
		if !isFound(word, known) {
			missing = append(missing, word+": "+place)
		}
	}
	slices.Sort(missing)
	if len(missing) > exceptions {
		t.Errorf("%d of %d words are not where the README says; they belong in\n%s", len(missing), words,
			strings.Join(missing, "\n"))
	}
	if isFound("no-such-word", known) || !isFound("lockmgr", known) || !isFound("worker", known) {
		t.Error("the rule finds what is not there, or not what is")
	}
}
