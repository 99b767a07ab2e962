package navvy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// documents lists what is written for people.
func documents(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir("docs", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var (
	markdownLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	markdownHeading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInAnAnchor   = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
	codeFence       = regexp.MustCompile("(?s)```.*?```")
)

// anchors returns the anchors of a document's headings, as GitHub makes them.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, heading := range markdownHeading.FindAllStringSubmatch(codeFence.ReplaceAllString(text, ""), -1) {
		title := markdownLink.ReplaceAllString(strings.ToLower(heading[1]), "")
		found[strings.ReplaceAll(notInAnAnchor.ReplaceAllString(title, ""), " ", "-")] = true
	}
	return found
}

// brokenLink says what is wrong with a link of a document within this repository; "" if nothing is.
func brokenLink(document, link string) string {
	if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
		return ""
	}
	path, anchor, _ := strings.Cut(link, "#")
	target := document
	if path != "" {
		target = filepath.Join(filepath.Dir(document), path)
	}
	text, err := os.ReadFile(target)
	if info, dirErr := os.Stat(target); err != nil && (dirErr != nil || !info.IsDir() || anchor != "") {
		return "there is no " + target
	}
	if anchor != "" && !anchors(string(text))[anchor] {
		return target + " has no heading #" + anchor
	}
	return ""
}

func TestLinksOfDocumentsLead(t *testing.T) {
	t.Parallel()
	for _, document := range documents(t) {
		text := codeFence.ReplaceAllString(readDoc(t, document), "")
		for _, link := range markdownLink.FindAllStringSubmatch(text, -1) {
			if broken := brokenLink(document, link[1]); broken != "" {
				t.Errorf("%s: %s", document, broken)
			}
		}
	}
	for _, link := range []string{"no/such/file.md", "#no-such-heading", "docs/keys.md#no-such-heading"} {
		if brokenLink("README.md", link) == "" {
			t.Errorf("%s leads somewhere?", link)
		}
	}
}

// TestCodeLinksToDecisions holds the links of comments, in Go and in scripts.
func TestCodeLinksToDecisions(t *testing.T) {
	t.Parallel()
	link, found := regexp.MustCompile(`docs/[\w/]+\.md#[\w-]+`), 0
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err != nil || ext != ".go" && ext != ".lua" ||
			filepath.Base(path) == "docs_links_test.go" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, target := range link.FindAllString(string(text), -1) {
			found++
			if broken := brokenLink("README.md", target); broken != "" {
				t.Errorf("%s: %s", path, broken)
			}
		}
		return err
	})
	if err != nil || found < 30 {
		t.Errorf("%d links, %v", found, err)
	}
}

// TestTestsThatDocumentsNameExist: a promise without its test is none.
func TestTestsThatDocumentsNameExist(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range function.FindAllStringSubmatch(string(text), -1) {
			declared[match[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	for _, document := range documents(t) {
		for _, match := range named.FindAllStringSubmatch(readDoc(t, document), -1) {
			if !declared[match[1]] {
				t.Errorf("%s names %s, which is not there", document, match[1])
			}
		}
	}
}

// TestEveryPromiseNamesItsTest: the promises are numbered without gaps, and each names a test or a target of make.
func TestEveryPromiseNamesItsTest(t *testing.T) {
	t.Parallel()
	_, promised, _ := strings.Cut(readDoc(t, "docs/guarantees.md"), "\n## Promised\n")
	promised, _, _ = strings.Cut(promised, "\n## ")
	numbered := regexp.MustCompile(`(?m)^(\d+)\. `)
	starts := numbered.FindAllStringSubmatchIndex(promised, -1)
	if len(starts) < 20 {
		t.Fatalf("docs/guarantees.md has %d promises: it was not understood", len(starts))
	}
	for n, at := range starts {
		end := len(promised)
		if n+1 < len(starts) {
			end = starts[n+1][0]
		}
		if number := promised[at[2]:at[3]]; number != strconv.Itoa(n+1) {
			t.Errorf("promise %s stands in place %d", number, n+1)
		}
		if text := promised[at[0]:end]; !strings.Contains(text, "`Test") {
			t.Errorf("no test is named in promise %d", n+1)
		}
	}
}
