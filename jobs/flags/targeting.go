package flags

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Bounds of a flag's targets, and of a segment.
const (
	maxTargets    = 100
	maxConditions = 20
	maxValues     = 1000
	maxRequires   = 20
	maxMetadata   = 50
	maxDepth      = 8 // of flags that require others
)

// Subject is what a flag is decided for.
type Subject struct {
	User       string         // may be empty
	Attributes map[string]any // strings, numbers and booleans, by their names
}

// Target gives a flag to the subjects for which all of its conditions hold.
type Target struct {
	When    []Condition `json:"when"`
	Variant string      `json:"variant,omitempty"` // of a flag with variants
	Off     bool        `json:"off,omitempty"`     // the flag is off for them
}

// Condition is one about an attribute of a subject, or about its being in a segment.
type Condition struct {
	Attribute string `json:"attribute,omitempty"`
	Op        Op     `json:"op"`
	Values    []any  `json:"values,omitempty"` // strings, numbers or booleans; of the segments' operators, their names
}

// Op is how a condition compares.
type Op string

// The operators. A subject without the attribute fulfils NotIn and Unset alone, and of another type than the value
// NotIn and Set.
const (
	In         Op = "in"     // equal to one of the values
	NotIn      Op = "not_in" // to none
	StartsWith Op = "starts_with"
	EndsWith   Op = "ends_with"
	Contains   Op = "contains"
	Above      Op = "above" // the one value, a number
	AtLeast    Op = "at_least"
	Below      Op = "below"
	AtMost     Op = "at_most"
	Set        Op = "set"
	Unset      Op = "unset"
	InSegment  Op = "in_segment" // in one of them
	NotSegment Op = "not_in_segment"
)

// Requirement is a flag that must be on for a subject, with that variant if one is named.
type Requirement struct {
	Flag    string `json:"flag"`
	Variant string `json:"variant,omitempty"`
}

// Segment is a named set of subjects: those for which all conditions hold.
type Segment []Condition

func (s Segment) validate() error {
	for _, c := range s {
		if c.Op == InSegment || c.Op == NotSegment {
			return fmt.Errorf("%w: a segment is made of attributes, not of other segments", ErrInvalid)
		}
	}
	return validateConditions(s)
}

func validateConditions(conditions []Condition) error {
	if n := len(conditions); n == 0 || n > maxConditions {
		return fmt.Errorf("%w: %d conditions: want 1 to %d", ErrInvalid, n, maxConditions)
	}
	for _, c := range conditions {
		if err := c.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (c Condition) validate() error {
	wants, known := map[Op]reflect.Kind{
		In: reflect.Interface, NotIn: reflect.Interface, Set: reflect.Invalid, Unset: reflect.Invalid,
		StartsWith: reflect.String, EndsWith: reflect.String, Contains: reflect.String,
		InSegment: reflect.String, NotSegment: reflect.String,
		Above: reflect.Float64, AtLeast: reflect.Float64, Below: reflect.Float64, AtMost: reflect.Float64,
	}[c.Op]
	ofSegment := c.Op == InSegment || c.Op == NotSegment
	switch {
	case !known:
		return fmt.Errorf("%w: condition: no operator %q", ErrInvalid, c.Op)
	case (c.Attribute == "") != ofSegment || len(c.Attribute) > maxFlagBytes:
		return fmt.Errorf("%w: condition %s: attribute %.50q", ErrInvalid, c.Op, c.Attribute)
	case wants == reflect.Invalid && len(c.Values) > 0, wants == reflect.Float64 && len(c.Values) != 1,
		wants != reflect.Invalid && len(c.Values) == 0, len(c.Values) > maxValues:
		return fmt.Errorf("%w: condition %s: %d values", ErrInvalid, c.Op, len(c.Values))
	}
	for _, value := range c.Values {
		kind := reflect.ValueOf(plain(value)).Kind()
		if kind != reflect.String && kind != reflect.Float64 && kind != reflect.Bool ||
			wants != reflect.Interface && kind != wants {
			return fmt.Errorf("%w: condition %s: value %v", ErrInvalid, c.Op, value)
		}
	}
	return nil
}

// holds says whether a condition holds for what the evaluation is for.
func (c Condition) holds(e *evaluation) bool {
	value := plain(e.subject.Attributes[c.Attribute])
	one := func(matches func(text, want string) bool) bool {
		text, isText := value.(string)
		return isText && slices.ContainsFunc(c.Values, func(v any) bool { return matches(text, v.(string)) })
	}
	number := func(matches func(n, want float64) bool) bool {
		n, isNumber := value.(float64)
		return isNumber && matches(n, plain(c.Values[0]).(float64))
	}
	switch c.Op {
	case In, NotIn:
		found := value != nil && slices.ContainsFunc(c.Values, func(v any) bool { return plain(v) == value })
		return found == (c.Op == In)
	case Set, Unset:
		return (value != nil) == (c.Op == Set)
	case StartsWith:
		return one(strings.HasPrefix)
	case EndsWith:
		return one(strings.HasSuffix)
	case Contains:
		return one(strings.Contains)
	case Above:
		return number(func(n, want float64) bool { return n > want })
	case AtLeast:
		return number(func(n, want float64) bool { return n >= want })
	case Below:
		return number(func(n, want float64) bool { return n < want })
	case AtMost:
		return number(func(n, want float64) bool { return n <= want })
	}
	return slices.ContainsFunc(c.Values, func(v any) bool { return e.within(v.(string)) }) == (c.Op == InSegment)
}

// plain is a value as JSON has it: a string, a number as a float64, a boolean, or nil for anything else.
func plain(value any) any {
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return float64(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return float64(v.Uint())
	case reflect.Float32, reflect.Float64:
		return v.Float()
	}
	return nil
}

// validateTargeting checks what rules have beyond a percentage, a time and variants.
func (r Rules) validateTargeting() error {
	names := map[string]bool{"": true}
	for _, v := range r.Variants {
		names[v.Name] = true
	}
	if !names[r.Default] {
		return fmt.Errorf("%w: default: there is no variant %q", ErrInvalid, r.Default)
	}
	if len(r.Targets) > maxTargets || len(r.Requires) > maxRequires || len(r.Metadata) > maxMetadata {
		return fmt.Errorf("%w: %d targets, %d requirements, %d metadata: at most %d, %d, %d", ErrInvalid, len(r.Targets),
			len(r.Requires), len(r.Metadata), maxTargets, maxRequires, maxMetadata)
	}
	for i, target := range r.Targets {
		if !names[target.Variant] || target.Off && target.Variant != "" {
			return fmt.Errorf("%w: target %d: variant %q", ErrInvalid, i, target.Variant)
		}
		if err := validateConditions(target.When); err != nil {
			return fmt.Errorf("target %d: %w", i, err)
		}
	}
	for _, required := range r.Requires {
		if err := checkFlag(required.Flag); err != nil {
			return err
		}
	}
	for name, value := range r.Metadata {
		if name == "" || plain(value) == nil {
			return fmt.Errorf("%w: metadata %q: want a string, a number or a boolean", ErrInvalid, name)
		}
	}
	return nil
}

// usesSegments says whether a change of a segment may change the flag.
func (r Rules) usesSegments() bool {
	return slices.ContainsFunc(r.Targets, func(t Target) bool {
		return slices.ContainsFunc(t.When, func(c Condition) bool { return c.Op == InSegment || c.Op == NotSegment })
	})
}

// evaluation is one look at a flag.
type evaluation struct {
	subject  Subject
	flag     func(name string) (record, listed) // with the lists that the subject's user is on
	segments map[string]Segment
	now      time.Time
}

// within says whether the subject is in a segment. One that is not there has nobody.
func (e *evaluation) within(name string) bool {
	segment := e.segments[name]
	return len(segment) > 0 && e.all(segment)
}

func (e *evaluation) all(conditions []Condition) bool {
	return !slices.ContainsFunc(conditions, func(c Condition) bool { return !c.holds(e) })
}

// target returns the first target that is met, or nil.
func (e *evaluation) target(targets []Target) *Target {
	for i := range targets {
		if e.all(targets[i].When) {
			return &targets[i]
		}
	}
	return nil
}

func decodeSegments(texts map[string]string) map[string]Segment {
	segments := make(map[string]Segment, len(texts))
	for name, text := range texts {
		var segment Segment
		if json.Unmarshal([]byte(text), &segment) == nil && segment.validate() == nil {
			segments[name] = segment
		}
	}
	return segments
}
