package flags

import (
	"encoding/json"
	"fmt"
	"time"
)

const (
	maxVariants   = 100
	maxRulesBytes = 64 << 10
)

// Rules are what a flag has beyond the article's on, off and users. Go programs alone know of them: to the article's
// class, a flag that is on by its rules is off. The zero value has none.
type Rules struct {
	// Percent is the share of all users for whom the flag is on, 0 to 100, in steps of 0.001. A user who had it keeps
	// it when the share is raised. Defaults to 0.
	Percent float64 `json:"percent,omitempty"`

	// From and Until bound the time in which Percent counts. Zero is no bound.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`

	// Variants divide the users for whom the flag is on. Nobody has a variant when there are none.
	Variants []Variant `json:"variants,omitempty"`

	// Default is the variant of all for whom the flag is on and no target says otherwise, in place of the weights.
	Default string `json:"default,omitempty"`

	// Targets are looked at in their order, and the first one that is met decides, also while the flag is on for everyone.
	Targets []Target `json:"targets,omitempty"`

	// Requires are flags without which this one is off. They may require others, up to eight deep.
	Requires []Requirement `json:"requires,omitempty"`

	// Disabled turns the flag off for all, whatever else it has.
	Disabled bool `json:"disabled,omitempty"`

	// Metadata goes with each decision: strings, numbers and booleans.
	Metadata map[string]any `json:"metadata,omitempty"`
}

// Variant is one form of a flag.
type Variant struct {
	Name   string          `json:"name"`
	Weight int             `json:"weight"`          // its share is its weight over the sum of all
	Value  json.RawMessage `json:"value,omitempty"` // any JSON. Defaults to the name, as a string
}

// value is the variant's value as JSON.
func (v Variant) value() json.RawMessage {
	if len(v.Value) > 0 {
		return v.Value
	}
	name, _ := json.Marshal(v.Name) // a string always can be
	return name
}

func (r Rules) empty() bool {
	return r.Percent == 0 && r.From.IsZero() && r.Until.IsZero() && len(r.Variants) == 0 &&
		len(r.Targets)+len(r.Requires)+len(r.Metadata) == 0 && !r.Disabled
}

func (r Rules) open(now time.Time) bool {
	return !now.Before(r.From) && (r.Until.IsZero() || now.Before(r.Until))
}

func (r Rules) validate() error {
	if !(r.Percent >= 0 && r.Percent <= 100) { // refuses NaN as well
		return fmt.Errorf("%w: percent %v: want 0 to 100", ErrInvalid, r.Percent)
	}
	if !r.Until.IsZero() && !r.Until.After(r.From) {
		return fmt.Errorf("%w: until %s is not after from %s", ErrInvalid, r.Until, r.From)
	}
	if len(r.Variants) > maxVariants {
		return fmt.Errorf("%w: %d variants: %d at the most", ErrInvalid, len(r.Variants), maxVariants)
	}
	names := map[string]bool{}
	for _, v := range r.Variants {
		switch {
		case v.Name == "" || names[v.Name]:
			return fmt.Errorf("%w: variant %q: names must be there and differ", ErrInvalid, v.Name)
		case v.Weight < 0 || v.Weight > 1_000_000:
			return fmt.Errorf("%w: variant %q: weight %d: want 0 to 1000000", ErrInvalid, v.Name, v.Weight)
		case len(v.Value) > 0 && !json.Valid(v.Value):
			return fmt.Errorf("%w: variant %q: its value is not JSON", ErrInvalid, v.Name)
		}
		names[v.Name] = true
	}
	if len(r.Variants) > 0 && r.weights() == 0 && r.Default == "" {
		return fmt.Errorf("%w: all variants weigh 0, and none is the default", ErrInvalid)
	}
	return r.validateTargeting()
}

func (r Rules) weights() int {
	sum := 0
	for _, v := range r.Variants {
		sum += v.Weight
	}
	return sum
}

// encode is the rules as they are kept, "" for none.
//
// Why: docs/decisions/features.md#a-flags-extra-rules-are-in-a-key-beside-the-articles-and-can-only-turn-it-on
func (r Rules) encode() (string, error) {
	if r.empty() {
		return "", nil
	}
	text, err := json.Marshal(r)
	if err == nil && len(text) > maxRulesBytes {
		err = fmt.Errorf("%w: rules of %d bytes: %d at the most", ErrInvalid, len(text), maxRulesBytes)
	}
	return string(text), err
}

// decodeRules reads what encode wrote, or what another program did.
func decodeRules(text string) (Rules, error) {
	var rules Rules
	if text == "" {
		return rules, nil
	}
	if err := json.Unmarshal([]byte(text), &rules); err != nil {
		return Rules{}, fmt.Errorf("%w: rules: %v", ErrInvalid, err)
	}
	if err := rules.validate(); err != nil {
		return Rules{}, err
	}
	return rules, nil
}
