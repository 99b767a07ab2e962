package queue

import (
	"regexp"
	"strings"
)

// signature says what a dead job died of, without what differs from one such job to the next.
func signature(job *JobInfo) string {
	const most = 300
	text := job.Kind + ": " + job.Reason + ": " + withoutIdentifiers(firstLine(job.Error))
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

var (
	uuidPattern  = regexp.MustCompile(`(?i)\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)
	ulidPattern  = regexp.MustCompile(`^[0-7][0-9A-HJKMNP-TV-Z]{25}$`)
	wordPattern  = regexp.MustCompile(`[0-9A-Za-z]*[0-9][0-9A-Za-z]*`) // with a digit in it
	digitPattern = regexp.MustCompile(`[0-9]+`)
)

// withoutIdentifiers puts # in the place of numbers, UUIDs, and words of letters and digits that look like an ID.
func withoutIdentifiers(text string) string {
	text = uuidPattern.ReplaceAllString(text, "#")
	return wordPattern.ReplaceAllStringFunc(text, func(word string) string {
		if looksRandom(word) {
			return "#"
		}
		return digitPattern.ReplaceAllString(word, "#")
	})
}

// looksRandom tells whether a word with a digit in it is an ID rather than a name: a fifth of it are digits; or it is a
// ULID; or it is long, and two of five of its characters are of another class (small, capital, digit) than the one before.
func looksRandom(word string) bool {
	digits, changes := 0, 0
	for i := range len(word) {
		if class(word[i]) == digit {
			digits++
		}
		if i > 0 && class(word[i]) != class(word[i-1]) {
			changes++
		}
	}
	return len(word) >= 8 && digits*5 >= len(word) || len(word) >= 16 && changes*5 >= len(word)*2 || ulidPattern.MatchString(word)
}

type characterClass int

const (
	digit characterClass = iota
	capital
	small
)

func class(c byte) characterClass {
	switch {
	case c <= '9':
		return digit
	case c <= 'Z':
		return capital
	}
	return small
}
