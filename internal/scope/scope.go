// Package scope is what a program may do at the gateway: the scopes of its API key or token.
//
// A scope on jobs may be limited to a queue, or to all whose names begin alike, and there to a kind of job, or to all
// whose names begin alike:
//
//	jobs:write                   any job on any queue
//	jobs:write:orders            any job on one queue
//	jobs:write:orders*           any job on the queues whose names begin so
//	jobs:write:orders/mail.send  jobs of one kind on one queue
//	jobs:read:*/mail.*           jobs of the kinds whose names begin so, on any queue
package scope

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Scope is what a program may do.
type Scope string

// The scopes. A program that may write jobs may have any job run that the fleet knows.
const (
	JobsWrite          Scope = "jobs:write"
	JobsRead           Scope = "jobs:read"
	OrdersWrite        Scope = "orders:write"
	EventsWrite        Scope = "events:write"
	FlagsRead          Scope = "flags:read"
	BoardsRead         Scope = "leaderboards:read"
	BoardsWrite        Scope = "leaderboards:write"
	NotificationsWrite Scope = "notifications:write"
)

// All lists them, without limits.
var All = []Scope{
	JobsWrite, JobsRead, OrdersWrite, EventsWrite, FlagsRead, BoardsRead, BoardsWrite, NotificationsWrite,
}

// OfQueues lists those that concern the queues of a namespace alone.
var OfQueues = []Scope{JobsWrite, JobsRead, OrdersWrite, EventsWrite}

// most is how many scopes a program may have.
const most = 50

// Parse reads names of scopes.
func Parse(names []string) ([]Scope, error) {
	var scopes []Scope
	for _, name := range names {
		if !Scope(name).Valid() {
			return nil, fmt.Errorf("%.100q is no scope: want one of %s; those on jobs may end in :QUEUE or :PREFIX*, and then "+
				"in /KIND or /PREFIX*", name, Join(All, ", "))
		}
		scopes = append(scopes, Scope(name))
	}
	switch {
	case len(scopes) == 0:
		return nil, errors.New("no scopes: nothing would be allowed")
	case len(scopes) > most:
		return nil, fmt.Errorf("%d scopes, %d are allowed at the most", len(scopes), most)
	}
	return scopes, nil
}

// Join writes scopes one after another.
func Join(scopes []Scope, separator string) string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return strings.Join(names, separator)
}

// pattern is a name, or how names begin.
const pattern = `[A-Za-z0-9._:-]{1,128}\*?`

// limits are what a scope on jobs may end in. Any queue is written * where kinds follow, and not at all where none do.
var limits = regexp.MustCompile(`^:(?:(` + pattern + `)|(` + pattern + `|\*)/(` + pattern + `))$`)

// parsed is a scope taken apart; a limit of "" is none.
type parsed struct {
	base          Scope
	queues, kinds string
}

func (s Scope) parse() (p parsed, ok bool) {
	if slices.Contains(All, s) {
		return parsed{base: s}, true
	}
	for _, base := range []Scope{JobsWrite, JobsRead} {
		rest, limited := strings.CutPrefix(string(s), string(base))
		if !limited {
			continue
		}
		if match := limits.FindStringSubmatch(rest); match != nil {
			return parsed{base, match[1] + match[2], match[3]}, true
		}
	}
	return parsed{}, false
}

// Valid reports whether it is one of the scopes, with limits or without.
func (s Scope) Valid() bool {
	_, ok := s.parse()
	return ok
}

// Base is the scope without its limits.
func (s Scope) Base() Scope {
	p, _ := s.parse()
	return p.base
}

// Allow reports whether one of the scopes is what is asked for, on a queue if it may be limited to some: for jobs of
// some kind at the least.
func Allow(scopes []Scope, asked Scope, queue string) bool {
	return slices.ContainsFunc(scopes, func(has Scope) bool {
		p, ok := has.parse()
		return ok && p.base == asked && fits(p.queues, queue)
	})
}

// AllowKind is [Allow] for jobs of one kind.
func AllowKind(scopes []Scope, asked Scope, queue, kind string) bool {
	return slices.ContainsFunc(scopes, func(has Scope) bool {
		p, ok := has.parse()
		return ok && p.base == asked && fits(p.queues, queue) && fits(p.kinds, kind)
	})
}

func fits(limit, name string) bool {
	if prefix, open := strings.CutSuffix(limit, "*"); open {
		return strings.HasPrefix(name, prefix)
	}
	return limit == "" || limit == name
}
