package dashboard

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// What is read beside a request is waited for at the end, and a page that panics there ends no program.
func TestAPageIsReadAnewBesideARequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, calls, ended := new(cache), 0, 0
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
			if got := c.get(t.Context(), "/", time.Now, load); got.data != data || got.err != nil {
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
