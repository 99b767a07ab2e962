package flags_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/flags"
)

// Two people change one flag's rules at the same moment: neither change is lost.
func TestSetPercentKeepsWhatOthersChange(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, store := t.Context(), flags.New(rdb)
	const people = 8
	var at sync.WaitGroup
	for n := range people {
		at.Go(func() {
			for i := range 20 {
				if _, err := store.SetPercent(ctx, "f", float64(n*20+i)/10, ana); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 20 {
		must(t, store.SetRules(ctx, "f", flags.Rules{Percent: 50,
			Variants: []flags.Variant{{Name: fmt.Sprint("v", i), Weight: 1}}}, ana))
	}
	at.Wait()
	before, err := store.SetPercent(ctx, "f", 12.5, ana)
	must(t, err)
	flag, _, err := store.Flag(ctx, "f")
	if err != nil || flag.Rules.Percent != 12.5 || len(flag.Rules.Variants) != 1 || flag.Rules.Variants[0].Name != "v19" ||
		before == 12.5 {
		t.Errorf("%v before, %+v, %v", before, flag.Rules, err)
	}
	if n := rdb.XLen(ctx, "{feature:f}:audit").Val(); n != people*20+21 {
		t.Errorf("%d entries in the trail, want %d", n, people*20+21)
	}
	if _, err := store.SetPercent(ctx, "f", 101, ana); !errors.Is(err, flags.ErrInvalid) {
		t.Errorf("101 percent: %v", err)
	}
}
