// Package routetest has what tests need to hold every route of a router against a rule: a new route without one fails.
package routetest

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Methods are those that a route is tried with.
var Methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions, http.MethodTrace,
}

// Patterns lists the patterns of a router, sorted, from the index that it looks them up in: net/http lists none.
func Patterns(tb testing.TB, mux *http.ServeMux) (patterns []string) {
	tb.Helper()
	index := reflect.ValueOf(mux).Elem().FieldByName("index")
	if !index.IsValid() {
		tb.Fatal("http.ServeMux has another form: read its patterns in another way")
	}
	add := func(list reflect.Value) {
		for i := range list.Len() {
			patterns = append(patterns, list.Index(i).Elem().FieldByName("str").String())
		}
	}
	for segments := index.FieldByName("segments").MapRange(); segments.Next(); {
		add(segments.Value())
	}
	add(index.FieldByName("multis"))
	slices.Sort(patterns)
	return slices.Compact(patterns)
}

// Rules says for each pattern which rule holds for it, by the rule's name.
type Rules map[string][]string

// Of returns the rule of each pattern. It fails for a pattern without a rule, or with two, and for a rule of none.
func (r Rules) Of(tb testing.TB, patterns []string) map[string]string {
	tb.Helper()
	found := map[string]string{}
	for rule, list := range r {
		for _, pattern := range list {
			if other, twice := found[pattern]; twice {
				tb.Errorf("%s has the rules %s and %s", pattern, other, rule)
			}
			if found[pattern] = rule; !slices.Contains(patterns, pattern) {
				tb.Errorf("%s has a rule and is no route", pattern)
			}
		}
	}
	for _, pattern := range patterns {
		if found[pattern] == "" {
			tb.Errorf("%s has no rule: which identities may use it?", pattern)
		}
	}
	return found
}

// Path is one that a pattern fits.
func Path(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		switch {
		case segment == "{$}":
			segments[i] = ""
		case strings.HasPrefix(segment, "{queue"):
			segments[i] = "orders"
		case strings.HasPrefix(segment, "{"):
			segments[i] = "x"
		}
	}
	return method, strings.Join(segments, "/")
}

// Takes reports whether one of the patterns takes a method at the path of another.
func Takes(patterns []string, method, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		m, p := Path(pattern)
		return p == path && (m == method || m == http.MethodGet && method == http.MethodHead)
	})
}
