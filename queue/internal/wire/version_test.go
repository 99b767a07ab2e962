package wire

import (
	"errors"
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
)

func TestVersionIsRaisedAndRespected(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	registry := NewRegistry(rdb, "t")
	for _, step := range []struct {
		name    string
		own     int
		stored  string // afterwards
		refused bool
	}{
		{"none yet", 2, "2", false},
		{"the same", 2, "2", false},
		{"an older program", 1, "2", true},
		{"a newer program", 3, "3", false},
		{"the one of before", 2, "3", true},
	} {
		err := registry.checkVersion(t.Context(), step.own)
		if errors.Is(err, ErrNewerVersion) != step.refused || !step.refused && err != nil {
			t.Errorf("%s: got %v", step.name, err)
		}
		if got := rdb.Get(t.Context(), "t:version").Val(); got != step.stored {
			t.Errorf("%s: %q is stored, want %q", step.name, got, step.stored)
		}
	}
}
