package visible

import (
	"bytes"
	"unicode/utf8"
)

// shownAttributes are those of HTML whose values a person sees.
var shownAttributes = [][]byte{[]byte(` title=`), []byte(` aria-label=`), []byte(` alt=`), []byte(` placeholder=`)}

// HTML returns a page, as html/template makes it, in which what is not shown is an escape: between tags, and in
// attributes that a person sees. Other attributes, such as addresses and what a form sends, keep their values. The page
// has no < or > outside of the brackets of tags, and its attributes are in double quotes.
func HTML(page []byte) []byte {
	if plain(page) {
		return page
	}
	out := make([]byte, 0, len(page)+64)
	tag, quoted, seen := false, false, true
	for len(page) > 0 {
		r, size := utf8.DecodeRune(page)
		switch {
		case r == '<':
			tag, quoted, seen = true, false, false
		case r == '>':
			tag, seen = false, true
		case r == '"' && tag:
			quoted = !quoted
			seen = quoted && endsWithAny(out, shownAttributes)
		}
		if seen && isHidden(r) {
			out = append(out, escaped(r)...)
		} else {
			out = append(out, page[:size]...)
		}
		page = page[size:]
	}
	return out
}

func endsWithAny(text []byte, ends [][]byte) bool {
	for _, end := range ends {
		if bytes.HasSuffix(text, end) {
			return true
		}
	}
	return false
}
