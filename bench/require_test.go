package main

import (
	"strings"
	"testing"
)

func TestRequirements(t *testing.T) {
	t.Parallel()
	rep := &report{Contestants: []entrant{{Name: "floor"}, {Name: "navvy"}}}
	found := samples{}
	for range 3 {
		found.add("floor", figures{"drain": 100, "cpu": 10})
		found.add("navvy", figures{"drain": 80, "cpu": 13})
	}
	rep.add(100, 3, found)
	for text, unmet := range map[string]string{
		"drain>=0.70":          "",
		"drain>=0.8,cpu<=1.3":  "",
		"drain>=0.81,cpu<=1.4": "drain>=0.81 is required, measured 0.800",
		"cpu<=1.2":             "cpu<=1.2 is required, measured 1.300",
		"memory<=2":            "memory<=2 is required, and was not measured",
	} {
		var required requirements
		if err := required.Set(text); err != nil {
			t.Fatal(err)
		}
		err := required.check(rep, "navvy")
		if unmet == "" && err != nil || unmet != "" && (err == nil || !strings.Contains(err.Error(), unmet)) {
			t.Errorf("check %q: %v, want %q", text, err, unmet)
		}
		if required.String() != text && text != "drain>=0.70" {
			t.Errorf("%q reads back as %q", text, required)
		}
	}
}

func TestRequirementsRefuse(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "drain", "drain>0.7", "speed>=1", "drain>=fast", "drain>=0.7,"} {
		var required requirements
		if required.Set(text) == nil {
			t.Errorf("%q was accepted as %v", text, required)
		}
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	values := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	if got := quantile([]float64(nil), 0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
