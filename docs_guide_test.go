package navvy_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	exampleFile = regexp.MustCompile(`\]\((\.\./\.\./[a-z_/]+_test\.go)\)`)
	goBlock     = regexp.MustCompile("(?s)```go\n(.*?)```")
)

// What a guide shows is code that is compiled and run: a part of an example that it links to.
func TestGuidesQuoteExamples(t *testing.T) {
	t.Parallel()
	guides, err := filepath.Glob("docs/guide/*.md")
	if err != nil || len(guides) == 0 {
		t.Fatal(guides, err)
	}
	for _, guide := range guides {
		text, code := readDoc(t, guide), ""
		for _, link := range exampleFile.FindAllStringSubmatch(text, -1) {
			code += readDoc(t, filepath.Join(filepath.Dir(guide), link[1]))
		}
		blocks := goBlock.FindAllStringSubmatch(text, -1)
		if code == "" || len(blocks) == 0 {
			t.Errorf("%s: links to no example, or shows no code", guide)
		}
		for _, block := range blocks {
			if !strings.Contains(code, block[1]) {
				t.Errorf("%s: this is in no example it links to:\n%s", guide, block[1])
			}
		}
	}
}
