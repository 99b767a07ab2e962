// Package visible shows text of unknown origin as what it is. Some characters are not shown: they steer a terminal, or
// change the order in which the others appear, so that a person reads something else than what is there (Trojan Source,
// CVE-2021-42574). They become spaces or escapes, each form of output having its own.
package visible

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// hidden are the ranges of such characters above ASCII: controls, marks of direction, and what has no width. Those that
// join emoji and the letters of some scripts stay.
var hidden = [][2]rune{
	{0x7f, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c}, {0x180e, 0x180e}, {0x200b, 0x200b}, {0x200e, 0x200f}, {0x2028, 0x202e},
	{0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
}

func isHidden(r rune) bool {
	if r < ' ' {
		return r != '\n' && r != '\t' && r != '\r'
	}
	for _, span := range hidden {
		if r >= span[0] && r <= span[1] {
			return true
		}
	}
	return false
}

// Line returns text for one line on a terminal: what is not shown becomes spaces, as do tabs and ends of lines.
func Line(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || isHidden(r) {
			return ' '
		}
		return r
	}, text)
}

// plain reports whether nothing in data could be hidden.
func plain(data []byte) bool {
	return !bytes.ContainsFunc(data, isHidden)
}

// JSON returns a JSON text of the same value, in which what is not shown is escaped.
func JSON(data []byte) []byte {
	if plain(data) {
		return data
	}
	out := make([]byte, 0, len(data)+64)
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if isHidden(r) {
			out = append(out, escaped(r)...)
		} else {
			out = append(out, data[:size]...)
		}
		data = data[size:]
	}
	return out
}

// escaped is a character as JSON has it in its strings.
func escaped(r rune) string {
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// JSONTo returns a writer of JSON texts, each in one piece, to w: see [JSON].
func JSONTo(w io.Writer) io.Writer { return jsonWriter{w} }

type jsonWriter struct{ w io.Writer }

// Write writes a text. What it returns counts the bytes of the text and not those of its escapes.
func (j jsonWriter) Write(data []byte) (int, error) {
	if _, err := j.w.Write(JSON(data)); err != nil {
		return 0, err
	}
	return len(data), nil
}
