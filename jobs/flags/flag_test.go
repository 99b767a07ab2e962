package flags_test

import (
	"errors"
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/flags"
)

func TestFlagAsItStands(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	ctx, store, name := t.Context(), flags.New(rdb), redistest.Namespace()
	if _, known, err := store.Flag(ctx, name); err != nil || known {
		t.Errorf("a flag that nobody set: known %t, %v", known, err)
	}
	must(t, store.Enable(ctx, name, ana))
	must(t, store.SetRules(ctx, name, flags.Rules{Percent: 12.5}, ana))
	must(t, store.EnableForUser(ctx, name, "u-1", ana))
	f, known, err := store.Flag(ctx, name)
	if err != nil || !known || !f.On || f.Rules.Percent != 12.5 || f.UsersOn != 1 || f.Problem != "" {
		t.Errorf("got %+v, %t, %v", f, known, err)
	}
	rdb.Set(ctx, "{feature:"+name+"}:rules", `{"percent":"half"}`, 0)
	if f, _, err := store.Flag(ctx, name); err != nil || f.Problem == "" || f.Rules.Percent != 0 {
		t.Errorf("with rules that cannot be read: %+v, %v", f, err)
	}
	if _, _, err := store.Flag(ctx, "a b"); !errors.Is(err, flags.ErrInvalid) {
		t.Errorf("a name that is none: %v", err)
	}
}
