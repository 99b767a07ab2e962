package wire

import (
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	headLine    = regexp.MustCompile(`^-- (KEYS|ARGV)\[(\d+)(…?)\] {1,2}\S`)
	literalUse  = regexp.MustCompile(`\b(KEYS|ARGV)\[(\d+)\]`)
	unpackedUse = regexp.MustCompile(`unpack\((KEYS|ARGV), (\d+)\)`)
	loopHead    = regexp.MustCompile(`for (\w+) = (\d+), (#KEYS|#ARGV|\d+|\w+)`)
	indexedUse  = `\b(KEYS|ARGV)\[(?:(\d+) \* )?%s(?: ([+-]) (\d+))?\]`
)

// parameters are the keys and arguments of a script by their numbers, such as KEYS 3; of an open list, KEYS 5 and more,
// the value is true for the number it begins with.
type parameters map[string]bool

// declared reads a script's head, and what is wrong with its form.
func declared(head []string) (found parameters, complaints []string) {
	found = parameters{}
	next, last := map[string]int{"KEYS": 1, "ARGV": 1}, "text"
	for i, line := range head {
		m := headLine.FindStringSubmatch(line)
		switch {
		case m != nil:
			if n, _ := strconv.Atoi(m[2]); n != next[m[1]] || m[1] == "KEYS" && last == "ARGV" || last == "Reply" {
				complaints = append(complaints, "out of sequence: "+line)
			}
			next[m[1]]++
			found[m[1]+" "+m[2]] = m[3] != ""
			last = m[1]
		case strings.HasPrefix(line, "-- Reply    "):
			last = "Reply"
		case i == 0 && !strings.HasPrefix(line, "-- "), strings.Contains(line, "[") && strings.Contains(line, "KEYS"):
			complaints = append(complaints, "not in the form of a head: "+line)
		}
	}
	if last != "Reply" {
		complaints = append(complaints, "the head does not end with the reply")
	}
	return found, complaints
}

// used reads which parameters a script's code takes, by a number, by unpack or by a loop over numbers.
func used(code string) parameters {
	found := parameters{}
	for _, m := range literalUse.FindAllStringSubmatch(code, -1) {
		found[m[1]+" "+m[2]] = found[m[1]+" "+m[2]] || false
	}
	for _, m := range unpackedUse.FindAllStringSubmatch(code, -1) {
		found[m[1]+" "+m[2]] = true
	}
	for _, loop := range loopHead.FindAllStringSubmatch(code, -1) {
		first, _ := strconv.Atoi(loop[2])
		last, err := strconv.Atoi(loop[3])
		for _, m := range regexp.MustCompile(strings.ReplaceAll(indexedUse, "%s", loop[1])).FindAllStringSubmatch(code, -1) {
			index := func(v int) string {
				if factor, err := strconv.Atoi(m[2]); err == nil {
					v *= factor
				}
				plus, _ := strconv.Atoi(m[3] + m[4])
				return m[1] + " " + strconv.Itoa(v+plus)
			}
			if err != nil { // to the end of a list
				found[index(first)] = true
				continue
			}
			for v := first; v <= last; v++ {
				found[index(v)] = found[index(v)] || false
			}
		}
	}
	return found
}

func TestScriptsDeclareWhatTheyTake(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(luaFiles, "lua/*.lua")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	for _, file := range files {
		if file == "lua/prelude.lua" {
			continue
		}
		text, err := fs.ReadFile(luaFiles, file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		begins := slices.IndexFunc(lines, func(line string) bool { return !strings.HasPrefix(line, "--") })
		takes, complaints := declared(lines[:begins])
		for _, complaint := range complaints {
			t.Errorf("%s: %s", file, complaint)
		}
		uses := used(strings.Join(lines[begins:], "\n"))
		for name := range maps.Keys(uses) {
			if _, ok := takes[name]; !ok && !inOpenList(takes, name) {
				t.Errorf("%s takes %s, which its head does not declare", file, name)
			}
		}
		for name, open := range takes {
			if got, ok := uses[name]; !ok || open && !got {
				t.Errorf("%s declares %s (a list: %t), which it does not take so", file, name, open)
			}
		}
	}
}

// inOpenList reports whether a parameter is behind the beginning of an open list.
func inOpenList(takes parameters, name string) bool {
	list, text, _ := strings.Cut(name, " ")
	n, _ := strconv.Atoi(text)
	for ; n > 0; n-- {
		if takes[list+" "+strconv.Itoa(n)] {
			return true
		}
	}
	return false
}

func TestHeadsAndUsesAreUnderstood(t *testing.T) {
	t.Parallel()
	for head, complaints := range map[string]int{
		"-- Moves.\n-- KEYS[1]  a\n-- ARGV[1]  b\n-- ARGV[2…] c\n-- Reply    1": 0,
		"-- Moves.\n-- KEYS[2]  a\n-- Reply    1":                               1,
		"-- Moves.\n-- ARGV[1]  a\n-- KEYS[1]  b\n-- Reply    1":                1,
		"-- Moves.\n-- KEYS[1]  a":                                              1,
		"-- KEYS [1]: a\n-- Reply    1":                                         1,
	} {
		if _, got := declared(strings.Split(head, "\n")); len(got) != complaints {
			t.Errorf("%q: %q", head, got)
		}
	}
	got := used("f(KEYS[1], unpack(ARGV, 4))\n" +
		"for k = 2, 3 do g(KEYS[k]) end\nfor i = 5, #KEYS do h(KEYS[i], ARGV[2 * i - 3]) end")
	want := parameters{"KEYS 1": false, "ARGV 4": true, "KEYS 2": false, "KEYS 3": false, "KEYS 5": true, "ARGV 7": true}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
