package dashboard

import (
	"encoding/json"
	"strings"
	"testing"
)

// What only resembles JSON hides nothing by name: another decoder may still find the fields in it.
func TestNothingIsShownOfFieldsThatAreNotQuiteJSON(t *testing.T) {
	t.Parallel()
	m, err := newMask(DefaultMask)
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{
		`{"order":1}{"password":"x-9"}`, `{"order":1} ["x-9"]`, `{"password":"x-9"`, `[{"password":"x-9"},`,
		`{'password':'x-9'}`,
		"\ufeff" + `{"password":"x-9"}`, `{"password":"x-9"} trailing`, `{"a":1e999999999,"password":"x-9"}`,
	} {
		if got := m.apply(json.RawMessage(data)); strings.Contains(string(got), "x-9") || !json.Valid(got) {
			t.Errorf("%s: got %s", data, got)
		}
	}
	for _, data := range []string{`hello`, `42`, `"{password: x-9}"`, `{"order":1}`} {
		if got := m.apply(json.RawMessage(data)); string(got) != data {
			t.Errorf("%s: got %s", data, got)
		}
	}
}
