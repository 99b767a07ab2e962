package credentials

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"
)

// common.txt has one password in a line.
//
//go:embed common.txt
var commonList string

const (
	ornamentMost = 6 // characters around a common word that make it no better
	wordShort    = 4 // characters: shorter ones are in any password
)

// contextWords are those that are near at hand here: what this is, and who uses it.
var contextWords = []string{
	"navvy", "monitor", "dashboard", "gateway", "producer", "worker", "operator", "viewer", "redis", "queue",
	"credentials",
}

// common reports whether a password is among those that are tried first: one of the list, also with a few digits and
// signs around it or twice in a row, its owner's name or a word of this place so adorned, or a row
// of characters such as 1234567890.
func common(plain, name string) bool {
	lower := strings.ToLower(plain)
	word := strings.TrimFunc(lower, func(c rune) bool { return !unicode.IsLetter(c) })
	candidates := []string{lower, half(lower)}
	if length := len([]rune(word)); length >= wordShort && len([]rune(lower))-length <= ornamentMost {
		candidates = append(candidates, word, half(word))
	}
	if row(lower) || slices.Contains(candidates, strings.ToLower(name)) ||
		slices.ContainsFunc(contextWords, func(word string) bool { return slices.Contains(candidates, word) }) {
		return true
	}
	for line := range strings.Lines(commonList) {
		if slices.Contains(candidates, strings.TrimSuffix(line, "\n")) {
			return true
		}
	}
	return false
}

// half returns the first half of a text that is the same twice, or the text.
func half(text string) string {
	if middle := len(text) / 2; text[:middle] == text[middle:] {
		return text[:middle]
	}
	return text
}

// row reports whether each character follows the one before by the same step: aaaa, 1234 or 9876, and 0 after 9.
func row(text string) bool {
	runes := []rune(text)
	for i := 2; i < len(runes); i++ {
		before, now := runes[i-1]-runes[i-2], runes[i]-runes[i-1]
		if now != before && (runes[i-1] != '9' || runes[i] != '0') {
			return false
		}
	}
	return true
}
