package navvy_test

import "regexp"

// noteMove notes what promote_jobs does: it adds to the first and the fourth of its keys, and removes from the others.
func noteMove(keys [][]string, s script, note func(map[string]bool, string) error) {
	for n, key := range keys {
		to := s.removes
		if n == 0 || n == 3 {
			to = s.adds
		}
		_ = note(to, key[1])
	}
}

var restOfKeys = regexp.MustCompile(`local (\w+) = \{unpack\(KEYS, (\d+)\)\}`)

// restIsKeys writes for each element of a list that has the last keys of a script the first of those.
func restIsKeys(text string) string {
	for _, rest := range restOfKeys.FindAllStringSubmatch(text, -1) {
		text = regexp.MustCompile(`\b`+rest[1]+`\[[^\]]+\]`).ReplaceAllString(text, "KEYS["+rest[2]+"]")
	}
	return text
}
