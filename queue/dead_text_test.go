package queue

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestErrorTextIsBoundedAndValid(t *testing.T) {
	t.Parallel()
	if errorText(nil) != "" || errorText(errors.New("no")) != "no" {
		t.Error("a short text was changed")
	}
	if got := errorText(errors.New("a\xffb")); got != "a\uFFFDb" {
		t.Errorf("got %q", got)
	}
	for _, letter := range []string{"x", "é", "語", "😀"} {
		for shift := range 4 {
			got := errorText(errors.New(strings.Repeat("x", shift) + strings.Repeat(letter, maxErrorText+1)))
			if !utf8.ValidString(got) || len(got) > maxErrorText+len("…") || len(got) < maxErrorText-4 ||
				!strings.HasSuffix(got, "…") {
				t.Errorf("%q, %d off: %d bytes, ends with %q", letter, shift, len(got), got[len(got)-6:])
			}
		}
	}
	if got := errorText(errors.New(strings.Repeat("x", maxErrorText))); strings.HasSuffix(got, "…") {
		t.Error("a text that fits was cut")
	}
}
