package visible_test

import (
	"bytes"
	"encoding/json"
	"html/template"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/internal/visible"
)

// tricks are characters that are not shown: of direction, of no width, of terminals, and tags.
const tricks = "\u202e\u2066\u200b\u200f\u061c\ufeff\u009b\x7f\u2028\u00ad\U000e0041"

func TestLinesOfATerminal(t *testing.T) {
	t.Parallel()
	for _, r := range tricks + "\x1b\a\n\r\t\x00" {
		if got := visible.Line("a" + string(r) + "b"); got != "a b" {
			t.Errorf("%U: %q", r, got)
		}
	}
	if got := visible.Line("a\x9bb"); strings.Contains(got, "\x9b") {
		t.Errorf("a byte of no character: %q", got)
	}
	for _, good := range []string{"", "orders", "größe 名前 שלום مرحبا", "👩\u200d🚀",
		"نمی\u200cخواهم"} {
		if got := visible.Line(good); got != good {
			t.Errorf("%q became %q", good, got)
		}
	}
}

func TestJSONKeepsItsValue(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	encoder := json.NewEncoder(visible.JSONTo(&out))
	encoder.SetEscapeHTML(false)
	value := map[string]string{"a" + tricks: "größe " + tricks + "\x1b\n"}
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), tricks) || !strings.Contains(out.String(), `größe \u202e`) {
		t.Errorf("%q", out.String())
	}
	var back map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["a"+tricks] != value["a"+tricks] {
		t.Errorf("%q, %v", back, err)
	}
}

func TestPagesShowWhatIsThere(t *testing.T) {
	t.Parallel()
	page := template.Must(template.New("").Parse(
		`<p title="{{.}}">{{.}}</p><input value="{{.}}" placeholder="{{.}}"><a href="?a={{.}}">{{.}}</a>`))
	var made bytes.Buffer
	if err := page.Execute(&made, "a\u202eb>\"<"); err != nil {
		t.Fatal(err)
	}
	want := `<p title="a\u202eb&gt;&#34;&lt;">a\u202eb&gt;&#34;&lt;</p>` +
		"<input value=\"a\u202eb&gt;&#34;&lt;\" placeholder=\"a\\u202eb&gt;&#34;&lt;\">" +
		`<a href="?a=a%e2%80%aeb%3e%22%3c">a\u202eb&gt;&#34;&lt;</a>`
	if got := string(visible.HTML(made.Bytes())); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	const plain = "<p title=\"größe\">\n\tשלום</p>"
	if got := string(visible.HTML([]byte(plain))); got != plain {
		t.Errorf("%q", got)
	}
}

func FuzzJSON(f *testing.F) {
	f.Add(tricks)
	f.Add("\\\u202e\"\xff")
	f.Fuzz(func(t *testing.T, text string) {
		made, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var before, after string
		if err := json.Unmarshal(made, &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(visible.JSON(made), &after); err != nil || before != after {
			t.Errorf("%q became %q, %v", before, after, err)
		}
		if again := visible.JSON(visible.JSON(made)); !bytes.Equal(again, visible.JSON(made)) {
			t.Errorf("%q is not shown", again)
		}
	})
}
