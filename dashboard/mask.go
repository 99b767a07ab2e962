package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// DefaultMask are the names whose values are hidden unless a configuration says otherwise.
var DefaultMask = []string{"*password*", "*secret*", "*token*", "authorization", "card*", "cvc", "cvv", "iban", "ssn",
	"api_key", "apikey"}

const (
	hidden    = "••••"
	maskBytes = 200 // of a pattern
)

var hiddenJSON = json.RawMessage(`"` + hidden + `"`)

// mask hides values in jobs' data by the name of their field, in any case.
type mask []*regexp.Regexp

func newMask(patterns []string) (mask, error) {
	m := make(mask, 0, len(patterns))
	for _, pattern := range patterns {
		if len(pattern) > maskBytes {
			return nil, fmt.Errorf("dashboard: mask %.20q…: longer than %d bytes", pattern, maskBytes)
		}
		literal := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
		compiled, err := regexp.Compile("(?is)^" + literal + "$")
		if err != nil {
			return nil, fmt.Errorf("dashboard: mask %q: %w", pattern, err)
		}
		m = append(m, compiled)
	}
	return m, nil
}

// hides reports whether the value of a field is hidden; of a raw stream's entry it may stand in base64.
func (m mask) hides(name string) bool {
	name = strings.TrimSuffix(name, ";base64")
	return slices.ContainsFunc(m, func(pattern *regexp.Regexp) bool { return pattern.MatchString(name) })
}

// hidesPath reports whether a filter's path leads to a field that is hidden, or through one. A name may have dots in
// it.
func (m mask) hidesPath(path string) bool {
	for rest, more := path, true; more; _, rest, more = strings.Cut(rest, ".") {
		name, _, _ := strings.Cut(rest, ".")
		if m.hides(name) || m.hides(rest) {
			return true
		}
	}
	return false
}

// apply returns the data with what is masked replaced, at any depth. Numbers and the order of elements stay as they
// are; members of an object come in alphabetical order. Data that is not JSON has no fields and comes back as it
// is; but not what may have been some, such as an object that was cut short or two in a row.
func (m mask) apply(data json.RawMessage) json.RawMessage {
	if len(m) == 0 || len(data) == 0 {
		return data
	}
	if !json.Valid(data) {
		if bytes.ContainsAny(data, "{[") {
			return hiddenJSON
		}
		return data
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil { // a number that is none, or too deep
		return hiddenJSON
	}
	value, changed := m.walk(value)
	if !changed {
		return data
	}
	masked, err := json.Marshal(value)
	if err != nil {
		return hiddenJSON
	}
	return masked
}

func (m mask) walk(value any) (any, bool) {
	changed := false
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if m.hides(name) {
				v[name], changed = hidden, true
				continue
			}
			fresh, did := m.walk(inner)
			v[name], changed = fresh, changed || did
		}
	case []any:
		for i, inner := range v {
			fresh, did := m.walk(inner)
			v[i], changed = fresh, changed || did
		}
	}
	return value, changed
}
