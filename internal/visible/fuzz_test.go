package visible_test

import (
	"bytes"
	"html/template"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/navvy-go/navvy/internal/visible"
)

// steers reports whether a terminal or the order of what is shown could depend on a character.
func steers(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\ufeff' || r == '\u2028' || r == '\u2029'
}

// No text puts into a line what steers a terminal, and lines stay lines.
func FuzzLine(f *testing.F) {
	f.Add(tricks)
	f.Add("\x1b]0;title\a\r\n\xc2\x9b31m\xff")
	f.Fuzz(func(t *testing.T, text string) {
		line := visible.Line(text)
		if strings.ContainsFunc(line, steers) {
			t.Errorf("%q is shown as %q", text, line)
		}
		if again := visible.Line(line); again != line {
			t.Errorf("%q is shown as %q, and that as %q", text, line, again)
		}
	})
}

var fuzzed = template.Must(template.New("").Parse(
	`<p title="{{.}}" class="a">{{.}}</p><input value="{{.}}" placeholder="{{.}}"><a href="/x/{{.}}?a={{.}}">{{.}}</a>`))

// A page with any text in it shows nothing that steers, has the tags that its template has, and is left alone the
// second time.
func FuzzHTML(f *testing.F) {
	f.Add(tricks)
	f.Add("a\u202eb>\"<'& title=\"")
	f.Fuzz(func(t *testing.T, text string) {
		var made bytes.Buffer
		if err := fuzzed.Execute(&made, text); err != nil {
			t.Fatal(err)
		}
		shown := visible.HTML(made.Bytes())
		for _, mark := range []string{"<", ">", `"`} {
			if got, want := bytes.Count(shown, []byte(mark)), bytes.Count(made.Bytes(), []byte(mark)); got != want {
				t.Errorf("%q: %d of %s, the page has %d", text, got, mark, want)
			}
		}
		_, after, _ := bytes.Cut(shown, []byte(` class="a">`))
		paragraph, _, _ := bytes.Cut(after, []byte("</p>"))
		if bytes.ContainsFunc(paragraph, func(r rune) bool { return steers(r) && !unicode.IsSpace(r) }) {
			t.Errorf("%q is shown as %q", text, paragraph)
		}
		if again := visible.HTML(shown); !bytes.Equal(again, shown) {
			t.Errorf("%q: %q became %q", text, shown, again)
		}
	})
}

// A text in a command is one word of it, whatever is in it, and a text that is cut is the beginning of the whole.
func FuzzShell(f *testing.F) {
	for _, seed := range []string{"", "orders", "a'b", "';$(id);'", "\\'", "\n", "größe\xff"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, most int) {
		read, quoted := "", false
		for word := visible.Shell(text); word != ""; word = word[1:] { // as a shell does
			switch {
			case word[0] == '\'':
				quoted = !quoted
			case quoted:
				read += word[:1]
			case strings.HasPrefix(word, `\'`):
				read, word = read+"'", word[1:]
			default:
				t.Fatalf("%q: %s is not in quotes", text, word)
			}
		}
		if quoted || read != text {
			t.Errorf("%q is read as %q", text, read)
		}
		most = min(max(most, 0), 1000)
		cut := visible.Cut(text, most)
		if begin := strings.TrimSuffix(cut, "…"); cut != text && (!strings.HasPrefix(text, begin) ||
			utf8.RuneCountInString(begin) != most) {
			t.Errorf("%q is cut after %d to %q", text, most, cut)
		}
	})
}
