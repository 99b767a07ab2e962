package flags_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/flags"
)

func when(attribute string, op flags.Op, values ...any) []flags.Condition {
	return []flags.Condition{{Attribute: attribute, Op: op, Values: values}}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	store := flags.New(redistest.Shared(t).Client(t))
	flag := redistest.Namespace()
	attributes := map[string]any{
		"mail": "ana@example.org", "age": 41, "height": float32(1.5), "staff": true, "nil": nil, "list": []string{"a"},
	}
	for i, test := range []struct {
		condition []flags.Condition
		holds     bool
	}{
		{when("mail", flags.In, "bob@example.org", "ana@example.org"), true}, {when("mail", flags.In, "ana"), false},
		{when("mail", flags.NotIn, "ana@example.org"), false}, {when("none", flags.NotIn, "x"), true},
		{when("age", flags.In, 41), true}, {when("age", flags.In, "41"), false}, {when("staff", flags.In, true), true},
		{when("mail", flags.StartsWith, "bob", "ana"), true}, {when("mail", flags.EndsWith, "@example.org"), true},
		{when("mail", flags.Contains, "@exam"), true}, {when("age", flags.Contains, "4"), false},
		{when("age", flags.Above, 41), false}, {when("age", flags.AtLeast, 41), true}, {when("age", flags.Below, 41.5), true},
		{when("height", flags.AtMost, 1.5), true}, {when("mail", flags.Above, 1), false},
		{when("none", flags.Below, 1), false},
		{when("mail", flags.Set), true}, {when("nil", flags.Set), false}, {when("none", flags.Unset), true},
		{when("list", flags.Set), false},
		{append(when("age", flags.Above, 18), when("staff", flags.In, false)...), false},
	} {
		must(t, store.SetRules(t.Context(), flag, flags.Rules{Targets: []flags.Target{{When: test.condition}}}, ana))
		d, err := store.Evaluate(t.Context(), flag, flags.Subject{Attributes: attributes})
		if err != nil || d.On != test.holds || d.Missed == test.holds {
			t.Errorf("%d, %+v: %+v (%v), want %t", i, test.condition, d, err, test.holds)
		}
	}
}

// Store and watcher decide alike.
func TestTargetsSegmentsAndRequirements(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	store := flags.New(rdb)
	must(t, store.SetSegment(t.Context(), "staff", when("mail", flags.EndsWith, "@example.org")))
	staff := []flags.Condition{{Op: flags.InSegment, Values: []any{"staff"}}}
	variants := []flags.Variant{{Name: "old", Value: json.RawMessage("1")}, {Name: "new", Value: json.RawMessage("2")}}
	for name, rules := range map[string]flags.Rules{
		"theme": {Variants: variants, Default: "old", Targets: []flags.Target{{When: staff, Variant: "new"}},
			Metadata: map[string]any{"owner": "ana"}},
		"beta":   {Targets: []flags.Target{{When: staff}}},
		"hidden": {Targets: []flags.Target{{When: staff, Off: true}}},
		"editor": {Requires: []flags.Requirement{{Flag: "theme", Variant: "new"}, {Flag: "beta"}}},
		"off":    {Disabled: true}, "circle": {Requires: []flags.Requirement{{Flag: "circle"}}},
		"lost": {Requires: []flags.Requirement{{Flag: "nowhere"}}},
	} {
		must(t, store.SetRules(t.Context(), name, rules, ana))
		if name != "beta" {
			must(t, store.Enable(t.Context(), name, ana))
		}
	}
	watcher := flags.Watch(rdb, flags.WatchConfig{})
	defer watcher.Close()
	must(t, watcher.Ready(t.Context()))
	in, out := map[string]any{"mail": "ana@example.org"}, map[string]any{"mail": "bob@example.com"}
	for _, test := range []struct {
		flag       string
		attributes map[string]any
		want       string
	}{
		{"theme", in, "true targeted new"}, {"theme", out, "true everyone old"}, {"theme", nil, "true everyone old"},
		{"beta", in, "true targeted "}, {"beta", out, "false off "},
		{"hidden", in, "false targeted "}, {"hidden", out, "true everyone "},
		{"editor", in, "true everyone "}, {"editor", out, "false requires "},
		{"off", in, "false disabled "}, {"circle", in, "false requires "}, {"lost", in, "false requires "},
	} {
		subject := flags.Subject{User: "ana", Attributes: test.attributes}
		asked, err := store.Evaluate(t.Context(), test.flag, subject)
		must(t, err)
		for who, d := range map[string]flags.Decision{
			"store": asked, "watcher": watcher.Evaluate(t.Context(), test.flag, subject),
		} {
			if got := fmt.Sprintf("%t %s %s", d.On, d.Reason, d.Variant); got != test.want {
				t.Errorf("%s, %s for %v: %s, want %s", who, test.flag, test.attributes, got, test.want)
			}
			if errors.Is(d.Err, flags.ErrInvalid) != (test.flag == "circle") {
				t.Errorf("%s, %s: error %v", who, test.flag, d.Err)
			}
			if test.flag == "theme" && d.Metadata["owner"] != "ana" {
				t.Errorf("%s: metadata %v", who, d.Metadata)
			}
		}
	}
	must(t, store.DeleteSegment(t.Context(), "staff"))
	eventually(t, func() bool {
		return !watcher.Evaluate(t.Context(), "beta", flags.Subject{Attributes: in}).On
	})
}

func TestTargetingThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	store := flags.New(redistest.Shared(t).Client(t))
	target := func(conditions ...flags.Condition) flags.Rules {
		return flags.Rules{Targets: []flags.Target{{When: conditions}}}
	}
	for name, rules := range map[string]flags.Rules{
		"no condition":     target(),
		"no operator":      target(flags.Condition{Attribute: "a"}),
		"no attribute":     target(flags.Condition{Op: flags.Set}),
		"no value":         target(flags.Condition{Attribute: "a", Op: flags.In}),
		"a value too many": target(flags.Condition{Attribute: "a", Op: flags.Set, Values: []any{1}}),
		"a list":           target(flags.Condition{Attribute: "a", Op: flags.In, Values: []any{[]any{}}}),
		"no number":        target(flags.Condition{Attribute: "a", Op: flags.Above, Values: []any{"1"}}),
		"no such variant":  {Targets: []flags.Target{{When: when("a", flags.Set), Variant: "v"}}},
		"no such default":  {Default: "v"},
		"metadata":         {Metadata: map[string]any{"a": []int{1}}},
		"requirement":      {Requires: []flags.Requirement{{Flag: "a b"}}},
	} {
		err := store.SetRules(t.Context(), "f", rules, ana)
		if !errors.Is(err, flags.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
	for _, segment := range []flags.Segment{nil, {{Op: flags.InSegment, Values: []any{"other"}}}} {
		if err := store.SetSegment(t.Context(), "s", segment); !errors.Is(err, flags.ErrInvalid) {
			t.Errorf("segment %v: got %v, want ErrInvalid", segment, err)
		}
	}
}

func eventually(t *testing.T, so func() bool) {
	t.Helper()
	deadline, tick := time.Now().Add(30*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !so() {
		if <-tick.C; time.Now().After(deadline) {
			t.Fatal("it did not happen within 30 s")
		}
	}
}
