package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// requirement bounds navvy's ratio to the floor in one metric.
type requirement struct {
	metric  string
	atLeast bool
	bound   float64
}

// requirements is a flag: "drain>=0.70,cpu<=1.4".
type requirements []requirement

// String writes the requirements as they are read.
func (r requirements) String() string {
	texts := make([]string, len(r))
	for i, each := range r {
		texts[i] = each.String()
	}
	return strings.Join(texts, ",")
}

// Set reads a list of requirements.
func (r *requirements) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		parsed, err := parseRequirement(strings.TrimSpace(part))
		if err != nil {
			return err
		}
		*r = append(*r, parsed)
	}
	return nil
}

func (r requirement) String() string {
	operator := "<="
	if r.atLeast {
		operator = ">="
	}
	return r.metric + operator + strconv.FormatFloat(r.bound, 'g', -1, 64)
}

func parseRequirement(text string) (requirement, error) {
	for _, operator := range []string{">=", "<="} {
		name, number, found := strings.Cut(text, operator)
		if !found {
			continue
		}
		bound, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return requirement{}, fmt.Errorf("%q: %w", text, err)
		}
		for _, m := range metrics {
			if m.name == name {
				return requirement{name, operator == ">=", bound}, nil
			}
		}
		return requirement{}, fmt.Errorf("%q: no metric %q", text, name)
	}
	return requirement{}, fmt.Errorf("%q: want METRIC>=RATIO or METRIC<=RATIO", text)
}

// check returns an error that names every requirement which contestant does not meet with the first size of payload.
func (r requirements) check(rep *report, contestant string) error {
	var unmet []error
	for _, each := range r {
		if got, known := rep.ratio(each.metric, contestant); !known {
			unmet = append(unmet, fmt.Errorf("bench: %s is required, and was not measured", each))
		} else if !each.isMetBy(got) {
			unmet = append(unmet, fmt.Errorf("bench: %s is required, measured %.3f", each, got))
		}
	}
	return errors.Join(unmet...)
}

func (r requirement) isMetBy(ratio float64) bool {
	if r.atLeast {
		return ratio >= r.bound
	}
	return ratio <= r.bound
}

// ratio returns the median of a contestant's ratios to the floor with the first size of payload.
func (r *report) ratio(metric, contestant string) (float64, bool) {
	for _, res := range r.Sections[0].Metrics {
		if res.Name == metric {
			ratio, known := res.Ratios[contestant]
			return ratio.Median, known
		}
	}
	return 0, false
}
