package visible

import "strings"

// Shell returns a text as a word of a shell, for a command that a person may paste: nothing in it means anything to the
// shell.
func Shell(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// Cut returns the beginning of a text of more characters than most, and a mark that there are more.
func Cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	n := 0
	for at := range text {
		if n++; n > most {
			return text[:at] + "…"
		}
	}
	return text
}
