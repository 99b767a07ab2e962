package dashboard

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// What is read beside a request is waited for at the end, and a page that panics there ends no program.
func TestAPageIsReadAnewBesideARequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, calls, ended, alice := new(cache), 0, 0, &turn{of: newTurns(8, 3), user: "alice"}
		load := func(context.Context) (any, error) {
			if calls++; calls == 2 {
				panic("a page of somebody's")
			}
			<-time.After(slowReading)
			ended++
			return calls, nil
		}
		want := func(data int) {
			t.Helper()
			if got := c.getIn(t.Context(), alice, "/", time.Now, load); got.data != data || got.err != nil {
				t.Errorf("got %v, %v, want %d", got.data, got.err, data)
			}
		}
		want(1)
		<-time.After(cacheFresh)
		want(1) // and it panics
		synctest.Wait()
		want(1) // and it is read
		c.close()
		if calls != 3 || ended != 2 {
			t.Errorf("%d readings, %d ended", calls, ended)
		}
		want(3)
		<-time.After(cacheFresh)
		want(3)
		if synctest.Wait(); calls != 3 {
			t.Errorf("%d readings after the end", calls)
		}
	})
}

// A reading that fails beside a request is seen by the next one, and what is old is not shown for long.
func TestAFailureBesideARequestIsSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, away, alice := new(cache), errors.New("away"), &turn{of: newTurns(8, 3), user: "alice"}
		var fails error
		load := func(context.Context) (any, error) {
			<-time.After(slowReading)
			return 1, fails
		}
		get := func() cached { return c.getIn(t.Context(), alice, "/", time.Now, load) }
		get()
		<-time.After(cacheFresh)
		fails = away
		if got := get(); got.data != 1 || got.err != nil {
			t.Errorf("while it is read anew: %v, %v", got.data, got.err)
		}
		<-time.After(slowReading)
		synctest.Wait()
		if got := get(); got.data != 1 || !errors.Is(got.err, away) {
			t.Errorf("after it has failed: %v, %v", got.data, got.err)
		}
		fails = nil
		get()
		<-time.After(2 * cacheFresh)
		fails = away
		if got := get(); !errors.Is(got.err, away) {
			t.Errorf("when it is old: %v, %v", got.data, got.err)
		}
		c.close()
	})
}

// Of a reading that takes long now and did not before, a request that wants it soon is shown what there was.
func TestAReadingThatGrowsSlowKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, alice, calls, takes := new(cache), &turn{of: newTurns(8, 3), user: "alice"}, 0, time.Duration(0)
		load := func(context.Context) (any, error) {
			calls++
			<-time.After(takes)
			return calls, nil
		}
		get := func() (data any, took time.Duration) {
			began := time.Now()
			return c.getIn(t.Context(), alice, "/", time.Now, load).data, time.Since(began)
		}
		get()
		<-time.After(cacheFresh)
		if data, took := get(); data != 2 || took > 0 {
			t.Errorf("a quick reading: %v after %s", data, took)
		}
		<-time.After(cacheFresh)
		takes = 3 * time.Second
		if data, took := get(); data != 2 || took != slowReading {
			t.Errorf("a slow reading: %v after %s", data, took)
		}
		<-time.After(takes)
		if data, took := get(); data != 3 || took > 0 {
			t.Errorf("when it is there: %v after %s", data, took)
		}
		<-time.After(takes + cacheFresh) // another reading has begun meanwhile, and has ended a second ago
		if data, took := get(); data != 5 || took != takes {
			t.Errorf("what is old: %v after %s", data, took)
		}
		c.close()
	})
}

// What takes a while is read anew before it is old: a page that is watched is never waited for, and never old.
func TestAWatchedReadingIsReadAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, began := new(cache), time.Now()
		load := func(context.Context) (any, error) {
			<-time.After(300 * time.Millisecond)
			return time.Since(began), nil
		}
		c.get(t.Context(), "/", time.Now, load)
		for range 100 {
			<-time.After(100 * time.Millisecond)
			asked := time.Now()
			got := c.get(t.Context(), "/", time.Now, load)
			if waited := time.Since(asked); waited > 0 || time.Since(got.at) > cacheFresh {
				t.Fatalf("waited for %s, shown as of %s ago", waited, time.Since(got.at))
			}
		}
		c.close()
	})
}
