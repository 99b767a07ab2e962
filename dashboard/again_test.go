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

// Of a reading that takes long now and did not before, the request that wants it is shown what there was.
func TestAReadingThatGrowsSlowKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, calls, takes := new(cache), 0, time.Duration(0)
		load := func(context.Context) (any, error) {
			calls++
			<-time.After(takes)
			return calls, nil
		}
		get := func() (data any, took time.Duration) {
			began := time.Now()
			return c.get(t.Context(), "/", time.Now, load).data, time.Since(began)
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
		<-time.After(cacheFresh + readLimit)
		if data, took := get(); data != 4 || took != takes {
			t.Errorf("what is old: %v after %s", data, took)
		}
		c.close()
	})
}
