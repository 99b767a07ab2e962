package dashboard

import (
	"context"
	"testing"
	"time"
)

func TestUserWithoutATurnKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	var c cache
	all := newTurns(8, 1)
	if _, ok := all.try("mallet"); !ok {
		t.Fatal("no turn is free")
	}
	load := func(context.Context) (any, error) { return "page", nil }
	later := func() time.Time { return time.Now().Add(time.Hour) } // nothing that is kept is fresh
	refused := make(chan error, 1)
	go func() { refused <- c.getIn(t.Context(), &turn{all, "mallet"}, "/", later, load).err }()
	if got := c.getIn(t.Context(), &turn{all, "vera"}, "/", time.Now, load); got.err != nil || got.data != "page" {
		t.Errorf("another user got %v, %v", got.data, got.err)
	}
	if err := <-refused; err != errBusy {
		t.Errorf("the user whose turns are taken got %v", err)
	}
	if _, ok := all.try("vera"); !ok {
		t.Error("a turn was not given back")
	}
}
