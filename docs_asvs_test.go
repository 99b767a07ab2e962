package navvy_test

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables that are made from other files")

// asvsTable is the table of the requirements that apply, and how many fail on each level.
func asvsTable(t *testing.T) (table string, fails map[string]int) {
	t.Helper()
	text, err := os.ReadFile("docs/asvs.csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out, counts := &strings.Builder{}, map[string]int{}
	fails = map[string]int{}
	for _, row := range rows[1:] {
		id, level, verdict, note := row[0], row[1], row[2], row[3]
		if counts[verdict]++; verdict == "n/a" {
			continue
		}
		if verdict != "pass" {
			fails[level]++
		}
		if verdict != "pass" && (verdict != "fail" || note == "") {
			t.Errorf("%s: %q, want pass, n/a, or fail with a reason", id, verdict)
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", id, level, verdict, note)
	}
	if len(rows) < 200 {
		t.Errorf("%d requirements", len(rows))
	}
	return fmt.Sprintf("%d apply: %d pass, %d fail.\n\n| requirement | level | | |\n|---|---|---|---|\n%s",
		counts["pass"]+counts["fail"], counts["pass"], counts["fail"], out), fails
}

// docs/security.md has what docs/asvs.csv says. No line of level 1 fails, and few of level 2.
func TestASVS(t *testing.T) {
	t.Parallel()
	const file, mark = "docs/security.md", "-update . writes it -->\n"
	table, fails := asvsTable(t)
	if fails["1"] > 0 || fails["2"] > 5 {
		t.Errorf("failures by level: %v", fails)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(text), mark)
	if !found {
		t.Fatalf("%s has no place for the table", file)
	}
	want := "\n" + table
	if *update {
		if err := os.WriteFile(file, []byte(before+mark+want), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if after != want {
		t.Errorf("%s is not as docs/asvs.csv: go test -run TestASVS -update .", file)
	}
}
