package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLineReader(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxLine)
	for name, test := range map[string]struct {
		input string
		want  []string // number:length:too long
	}{
		"empty":         {"", nil},
		"blank lines":   {"\n \r\na\n\n", []string{"3:1:false"}},
		"CRLF, no end":  {"ab\r\ncde", []string{"1:2:false", "2:3:false"}},
		"longest":       {long + "\nb", []string{fmt.Sprintf("1:%d:false", maxLine), "2:1:false"}},
		"too long":      {long + "xxx\nb\n", []string{fmt.Sprintf("1:%d:true", keptText), "2:1:false"}},
		"much too long": {strings.Repeat(long, 3) + "\nb\n", []string{fmt.Sprintf("1:%d:true", keptText), "2:1:false"}},
		"too long last": {"a\n" + long + "xxx", []string{"1:1:false", fmt.Sprintf("2:%d:true", keptText)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := newLineReader(strings.NewReader(test.input))
			var got []string
			for {
				next, err := lines.next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%d:%d:%v", next.number, len(next.text), next.tooLong))
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if lines.read != int64(len(test.input)) {
				t.Errorf("read %d bytes of %d", lines.read, len(test.input))
			}
		})
	}
}

func TestLineReaderPassesErrorsOn(t *testing.T) {
	t.Parallel()
	lines := newLineReader(iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := lines.next(); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v", err)
	}
}

func TestLineParser(t *testing.T) {
	t.Parallel()
	known := kinds{names: []string{"k"}}
	for text, says := range map[string]string{
		`{"kind":"k","data":{}}`:                             "",
		`{"kind":"k","data":null,"in":"5m","id":"a"}`:        "",
		`{"kind":"k","data":{},"queue":"other"}`:             "",
		`{"kind":"k"`:                                        "not JSON",
		`[1]`:                                                "not an object",
		`"k"`:                                                "not an object",
		`{"kind":"k","data":{},"inn":"5m"}`:                  `unknown field "inn"`,
		`{"kind":"k","data":{},"in":"5"}`:                    "in: ",
		`{"kind":"nope","data":{}}`:                          "unknown kind",
		`{"data":{}}`:                                        "kind is missing",
		`{"kind":"k"}`:                                       "data is missing",
		`{"kind":"k","data":{},"queue":""}`:                  "queue is missing",
		`{"kind":"k","data":{},"queue":"$(id)"}`:             "a name has 1 to 128 letters",
		`{"kind":"k","data":{}} {"kind":"k","data":{}}`:      "not JSON",
		`{"kind":"k","data":{},"queue":"q","id":"","in":""}`: "",
	} {
		p := &lineParser{queue: "q", kinds: known}
		_, err := p.item(line{text: []byte(text)})
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
	p := &lineParser{queue: "q", kind: "k", kinds: known}
	item, err := p.item(line{text: []byte(`{"a":1}`)})
	if err != nil || item.Args.Kind() != "k" {
		t.Errorf("item %v, %v", item, err)
	}
	if _, err := p.item(line{text: []byte(`{`)}); err == nil {
		t.Error("data that is not JSON was accepted")
	}
	if _, err := p.item(line{text: []byte(`{}`), tooLong: true}); err == nil {
		t.Error("a line that is too long was accepted")
	}
}

func TestOwed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rate  float64
		after time.Duration
		limit int64
		want  int64
	}{
		{20, 0, -1, 0}, {20, 49 * time.Millisecond, -1, 0}, {20, 50 * time.Millisecond, -1, 1}, {20, time.Minute, 7, 7},
		{0, time.Hour, -1, 0}, {0.5, 3 * time.Second, -1, 1},
	} {
		if got := owed(test.rate, test.after, test.limit); got != test.want {
			t.Errorf("owed(%v, %s, %d) = %d, want %d", test.rate, test.after, test.limit, got, test.want)
		}
	}
}

func TestEveryOrderIsAnother(t *testing.T) {
	t.Parallel()
	shop, seen := newShop(), map[string]bool{}
	for range 1000 {
		order := shop.order()
		if seen[order.OrderID] || order.Cents < 99 {
			t.Fatalf("order %+v", order)
		}
		seen[order.OrderID] = true
		if event := shop.event(); event.Event == "" || event.UserID == "" {
			t.Fatalf("event %+v", event)
		}
	}
}
