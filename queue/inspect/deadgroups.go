package inspect

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// DeadGroup is the dead jobs of a queue that died of the same: of one kind, for one reason, with errors whose first
// lines differ in numbers and identifiers only.
type DeadGroup struct {
	Signature string    `json:"signature"` // for [Query]
	Kind      string    `json:"kind"`
	Reason    string    `json:"reason"`
	Error     string    `json:"error"` // the first line of the newest one's, as it is
	Count     int64     `json:"count"`
	First     time.Time `json:"first"` // when the first and the last of them died
	Last      time.Time `json:"last"`
	Sample    string    `json:"sample"` // the newest one's ID
}

// DeadGroups is what is dead in a queue, by what it died of.
type DeadGroups struct {
	Groups    []DeadGroup `json:"groups"`              // the largest first
	Scanned   int64       `json:"scanned"`             // how many of the dead were looked at, the newest first
	Total     int64       `json:"total"`               // how many there are
	Truncated bool        `json:"truncated"`           // older ones were not looked at in time
	Ungrouped int64       `json:"ungrouped,omitempty"` // of those looked at, how many died of something else again
}

const (
	// DefaultGroupTime is how long [Inspector.DeadGroups] looks, about, unless it is given another time.
	DefaultGroupTime = 2 * time.Second

	groupsMost = 5000    // groups: as many differ by more than numbers and identifiers where errors hold data
	groupText  = 1 << 10 // bytes of a group's error, and of the errors that are compared
	groupsStep = 1000    // jobs between two looks at the clock
)

// DeadGroups sorts the dead jobs of a queue by what they died of, from the newest on: all of them, or as many as it
// can look at in a time; 0 is [DefaultGroupTime].
func (i *Inspector) DeadGroups(ctx context.Context, queue string, within time.Duration) (DeadGroups, error) {
	groups, err := i.deadGroups(ctx, queue, cmp.Or(max(within, 0), DefaultGroupTime))
	if err != nil {
		return DeadGroups{}, fmt.Errorf("queue: dead groups of %s: %w", queue, err)
	}
	return groups, nil
}

func (i *Inspector) deadGroups(ctx context.Context, queue string, within time.Duration) (all DeadGroups, err error) {
	began := time.Now()
	q, err := i.find(ctx, queue)
	if err != nil {
		return all, err
	}
	if all.Total, err = i.count(ctx, q, StateDead); err != nil {
		return all, err
	}
	bySignature := map[string]*DeadGroup{}
	collect := scanSpec{state: StateDead, match: func(job *JobInfo) bool {
		if !addToGroup(bySignature, job) {
			all.Ungrouped++
		}
		return false
	}}
	for page := (Page{Limit: 1, MaxScan: groupsStep}); ; {
		found, err := i.scan(ctx, q, collect, page)
		if err != nil {
			return all, err
		}
		all.Scanned += found.Scanned
		if page.Cursor = found.Next; found.Next == "" {
			break
		}
		if all.Truncated = time.Since(began) >= within; all.Truncated {
			break
		}
	}
	for _, group := range bySignature {
		all.Groups = append(all.Groups, *group)
	}
	slices.SortFunc(all.Groups, func(a, b DeadGroup) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), b.Last.Compare(a.Last), cmp.Compare(a.Signature, b.Signature))
	})
	return all, nil
}

// addToGroup counts a job; the newest come first, give or take the clocks of their workers. It reports whether there is
// a group for it, or room for another.
func addToGroup(groups map[string]*DeadGroup, job *JobInfo) bool {
	key, at := signature(job), time.Time{}
	if job.EndedAt != nil {
		at = *job.EndedAt
	}
	group, known := groups[key]
	if !known && len(groups) >= groupsMost {
		return false
	}
	if !known {
		group = &DeadGroup{
			Signature: key, Kind: job.Kind, Reason: job.Reason, Sample: job.ID, First: at, Last: at,
			Error: cutText(firstLine(job.Error), groupText),
		}
		groups[key] = group
	}
	group.Count++
	if at.Before(group.First) {
		group.First = at
	}
	if at.After(group.Last) {
		group.Last = at
	}
	return true
}

// signature says what a dead job died of, without what differs from one such job to the next.
func signature(job *JobInfo) string {
	const most = 300
	text := job.Kind + ": " + job.Reason + ": " + withoutIdentifiers(cutText(firstLine(job.Error), groupText))
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

// looksRandom reports whether a word with a digit in it is an ID rather than a name: a fifth of it are digits; or it is
// a ULID; or it is long, and two of five of its characters are of another class (small, capital, digit) than the one
// before.
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
	return len(word) >= 8 && digits*5 >= len(word) || len(word) >= 16 && changes*5 >= len(word)*2 ||
		ulidPattern.MatchString(word)
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
