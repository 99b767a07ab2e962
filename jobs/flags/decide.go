package flags

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
)

// Reason is why a flag is on or off.
type Reason string

// The reasons, in the order in which they are looked for.
const (
	Unknown  Reason = "unknown"  // there is no such flag
	Disabled Reason = "disabled" // off for all, by the rules
	Listed   Reason = "listed"   // on or off for this user by name
	Requires Reason = "requires" // off, since a flag that it requires is
	Targeted Reason = "targeted" // on or off by a target
	Everyone Reason = "everyone" // on for all
	Rollout  Reason = "rollout"  // on or off by the user's place among the percent
	Off      Reason = "off"      // nothing turns it on
)

// Decision is what a flag is for one user.
type Decision struct {
	On      bool
	Reason  Reason
	Variant string          // "" if the flag is off or has no variants
	Value   json.RawMessage // of the variant
	Split   bool            // other users, for whom the flag is on as well, have other variants
	Missed  bool            // the flag has targets, and none was met

	Metadata map[string]any // of the flag

	// NeedsUser says that the answer depends on the user, and none was named: On and Variant are then those of a user
	// outside the percentage.
	NeedsUser bool

	// Stale says that the answer comes from a copy that may have missed changes. See [Watcher].
	Stale bool

	// Err says that the flag's rules cannot be read ([ErrInvalid]): the answer is that of a flag without rules. From a
	// [Watcher] it may also say that an unknown flag could not be asked for.
	Err error
}

// record is all that is known of a flag, except for which users.
type record struct {
	known    bool
	on       bool
	rules    Rules
	rulesErr error
}

// listed says whether a user is on either list.
type listed struct{ on, off bool }

// decide decides a flag that was reached through so many others.
func (e *evaluation) decide(flag string, depth int) Decision {
	r, list := e.flag(flag)
	d := Decision{Reason: Off, Err: r.rulesErr, Metadata: r.rules.Metadata}
	user := e.subject.User
	target := e.target(r.rules.Targets)
	switch percent := r.rules.Percent; {
	case !r.known:
		d.Reason = Unknown
	case r.rules.Disabled:
		d.Reason = Disabled
	case list.off:
		d.Reason = Listed
	case !e.fulfils(r.rules.Requires, &d, depth):
		d.Reason = Requires
	case target != nil:
		d.On, d.Reason, d.Variant = !target.Off, Targeted, target.Variant
	case r.on:
		d.On, d.Reason = true, Everyone
	case list.on:
		d.On, d.Reason = true, Listed
	case percent == 0 || !r.rules.open(e.now):
	case percent >= 100:
		d.On, d.Reason = true, Rollout
	case user == "":
		d.Reason, d.NeedsUser = Rollout, true
	default:
		d.On, d.Reason = float64(place(flag+"/"+user)%steps) < percent*steps/100, Rollout
	}
	d.Missed = len(r.rules.Targets) > 0 && d.Reason != Targeted
	if d.On && len(r.rules.Variants) > 0 {
		r.rules.choose(&d, flag, user)
	}
	return d
}

// fulfils says whether the flags are on that a flag requires. A circle of them never is.
func (e *evaluation) fulfils(requires []Requirement, d *Decision, depth int) bool {
	if len(requires) > 0 && depth == maxDepth {
		d.Err = fmt.Errorf("%w: more than %d flags require each other", ErrInvalid, maxDepth)
		return false
	}
	for _, required := range requires {
		other := e.decide(required.Flag, depth+1)
		if d.Err == nil {
			d.Err = other.Err
		}
		if !other.On || required.Variant != "" && other.Variant != required.Variant {
			d.NeedsUser = other.NeedsUser
			return false
		}
	}
	return true
}

// choose gives the decision its variant.
func (r Rules) choose(d *Decision, flag, user string) {
	name := d.Variant // of the target
	if name == "" {
		name = r.Default
	}
	if name != "" {
		i := slices.IndexFunc(r.Variants, func(v Variant) bool { return v.Name == name })
		d.Variant, d.Value = name, r.Variants[i].value() // the rules were checked
		return
	}
	weights := r.weights()
	d.Split = !slices.ContainsFunc(r.Variants, func(v Variant) bool { return v.Weight == weights })
	at := int(place(flag+"/"+user+"/variant") % uint64(weights))
	for _, v := range r.Variants {
		if at < v.Weight && (user != "" || !d.Split) {
			d.Variant, d.Value = v.Name, v.value()
			return
		}
		at -= v.Weight
	}
	d.NeedsUser = true
}

// steps is how finely the percentage divides the users.
const steps = 100_000

// place is where a hash puts a user: the first 8 bytes of SHA-256, big endian. The flag is part of what is hashed, so
// that the first users of one rollout are not the first of every other.
func place(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:8])
}
