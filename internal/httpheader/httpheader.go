// Package httpheader keeps headers of HTTP in JSON without a change: HTTP allows values of any bytes (RFC 9110, section
// 5.5), JSON has text alone, and encoding/json makes one character of all that is none.
package httpheader

import (
	"maps"
	"net/http"
	"slices"
	"unicode/utf8"
)

// Split sets the headers apart that have a value which is not UTF-8. It leaves h as it is.
func Split(h http.Header) (text http.Header, rest map[string][][]byte) {
	text = h
	for name, values := range h {
		if !slices.ContainsFunc(values, func(v string) bool { return !utf8.ValidString(v) }) {
			continue
		}
		if rest == nil {
			text, rest = maps.Clone(h), map[string][][]byte{}
		}
		delete(text, name)
		for _, v := range values {
			rest[name] = append(rest[name], []byte(v))
		}
	}
	return text, rest
}

// Join puts together what Split has set apart. It adds to text, which it returns.
func Join(text http.Header, rest map[string][][]byte) http.Header {
	if text == nil && rest != nil {
		text = http.Header{}
	}
	for name, values := range rest {
		for _, v := range values {
			text[name] = append(text[name], string(v))
		}
	}
	return text
}
