package wire

import "testing"

func TestEntryAfter(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"0-0": "0-1", "7-41": "7-42", "7": "7-1"} {
		if got := EntryAfter(id); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}
