package inspect

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// filterKeys is what a filter may ask for, for an error's text.
const filterKeys = "kind, id, worker, error, idle, deliveries, age, args.PATH, is, signature"

// Each job that is looked at is held against each term of a filter.
const (
	filterMost = 2 << 10 // bytes
	termsMost  = 16
	levelsMost = 32 // of a path in a job's data
)

// ParseQuery reads a filter as a person writes it: terms with spaces between them, all of which must match.
//
//	kind:payment.charge   kind:payment.*   id:01JZ…   worker:box-1   error:"timed out"   is:stuck   is:poison
//	idle:>30s   age:>1h   deliveries:>=3   args.order_id:o-1   args.customer.country:CH   signature:"…"
//
// A value with spaces is put in quotes. Times and deliveries are lower bounds. The query has no State: the caller sets
// it. An error names the term and what is allowed there.
func ParseQuery(text string) (Query, error) {
	var q Query
	if len(text) > filterMost {
		return Query{}, fmt.Errorf("queue: filter: %w: %d bytes, at most %d", ErrBadQuery, len(text), filterMost)
	}
	terms, err := splitTerms(text)
	if err != nil {
		return Query{}, fmt.Errorf("queue: filter: %w", err)
	}
	if len(terms) > termsMost {
		return Query{}, fmt.Errorf("queue: filter: %w: %d terms, at most %d", ErrBadQuery, len(terms), termsMost)
	}
	for _, term := range terms {
		if err := q.parseTerm(term); err != nil {
			return Query{}, fmt.Errorf("queue: filter: %w", err)
		}
	}
	return q, nil
}

// term is one key:value of a filter.
type term struct{ key, value string }

func (t term) String() string { return t.key + ":" + quoted(t.value) }

// splitTerms takes a filter apart.
func splitTerms(text string) ([]term, error) {
	var terms []term
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimLeftFunc(rest, unicode.IsSpace) {
		key, after, ok := strings.Cut(rest, ":")
		if !ok || key == "" || strings.ContainsFunc(key, unicode.IsSpace) || strings.Contains(key, `"`) {
			word, _, _ := strings.Cut(rest, " ")
			return nil, fmt.Errorf("%q: want KEY:VALUE; KEY is one of %s", word, filterKeys)
		}
		value, left, err := cutValue(after)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if value == "" {
			return nil, fmt.Errorf("%s: the value is missing", key)
		}
		terms, rest = append(terms, term{key, value}), left
	}
	return terms, nil
}

// cutValue reads a value: up to a space, or between quotes, in which \" stands for a quote and \\ for a backslash.
func cutValue(text string) (value, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexFunc(text, unicode.IsSpace)
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:], nil
	}
	var b strings.Builder
	for k := 1; k < len(text); k++ {
		switch c := text[k]; {
		case c == '"':
			return b.String(), text[k+1:], nil
		case c == '\\' && k+1 < len(text) && (text[k+1] == '"' || text[k+1] == '\\'):
			k++
			b.WriteByte(text[k])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", fmt.Errorf("the quote in %s is not closed", text)
}

func (q *Query) parseTerm(t term) (err error) {
	if path, ok := strings.CutPrefix(t.key, "args."); ok && path != "" {
		if strings.Count(path, ".") >= levelsMost {
			return fmt.Errorf("%w: args.%s has more than %d levels", ErrBadQuery, path, levelsMost)
		}
		if q.Data == nil {
			q.Data = map[string]string{}
		}
		q.Data[path] = t.value
		return nil
	}
	switch t.key {
	case "kind":
		q.Kind = t.value
	case "id":
		q.ID = t.value
	case "worker":
		q.Worker = t.value
	case "error":
		q.Error = t.value
	case "signature":
		q.Signature = t.value
	case "idle":
		q.MinIdle, err = atLeast(t.value, parseTime, time.Nanosecond)
	case "age":
		q.MinAge, err = atLeast(t.value, parseTime, time.Nanosecond)
	case "deliveries":
		q.MinDeliveries, err = atLeast(t.value, parseCount, 1)
	case "is":
		q.Preset = Preset(t.value)
		if !slices.Contains([]Preset{PresetStuck, PresetPoison, PresetOrphaned}, q.Preset) {
			err = errors.New("want stuck, poison or orphaned")
		}
	default:
		return fmt.Errorf("%s: there is no such key; KEY is one of %s", t, filterKeys)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t, err)
	}
	return nil
}

func parseTime(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errors.New("want a time, such as >30s or >1h30m")
	}
	return d, nil
}

func parseCount(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, errors.New("want a number, such as >=3")
	}
	return n, nil
}

// atLeast reads a lower bound: >=N, >N, which is one step more, or N alone.
func atLeast[T int64 | time.Duration](text string, parse func(string) (T, error), step T) (T, error) {
	if strings.HasPrefix(text, "<") {
		return 0, errors.New("only lower bounds are understood: > or >=")
	}
	number, above := strings.CutPrefix(text, ">")
	number, orEqual := strings.CutPrefix(number, "=")
	n, err := parse(number)
	switch {
	case err != nil:
		return 0, err
	case n < 0:
		return 0, errors.New("must not be negative")
	case above && !orEqual:
		n = max(n, n+step) // the greatest of all stays
	}
	return n, nil
}

// String writes the query as a filter that [ParseQuery] reads, without its state.
func (q Query) String() string {
	var terms []string
	add := func(key, value string) {
		if value != "" {
			terms = append(terms, term{key, value}.String())
		}
	}
	add("is", string(q.Preset))
	add("kind", q.Kind)
	add("id", q.ID)
	add("worker", q.Worker)
	add("error", q.Error)
	if q.MinIdle > 0 {
		add("idle", ">="+q.MinIdle.String())
	}
	if q.MinAge > 0 {
		add("age", ">="+q.MinAge.String())
	}
	if q.MinDeliveries > 0 {
		add("deliveries", ">="+strconv.FormatInt(q.MinDeliveries, 10))
	}
	for _, path := range slices.Sorted(maps.Keys(q.Data)) {
		add("args."+path, q.Data[path])
	}
	add("signature", q.Signature)
	return strings.Join(terms, " ")
}

// quoted puts a value in quotes if it needs them.
func quoted(value string) string {
	if !strings.ContainsFunc(value, unicode.IsSpace) && !strings.HasPrefix(value, `"`) {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
