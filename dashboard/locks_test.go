package dashboard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/lockmgr"
)

func TestLocksPage(t *testing.T) {
	t.Parallel()
	rdb, server := open(t)
	shows(t, server, "/locks?cursor=0-0", "No lock is held.")
	locks := lockmgr.New(rdb)
	t.Cleanup(locks.Close)
	lock, err := locks.TryAcquire(t.Context(), "nightly "+evil, lockmgr.TTL(time.Minute))
	must(t, err)
	permit, err := locks.Semaphore("gpu", 2).TryAcquire(t.Context())
	must(t, err)
	_, err = locks.RWLock("catalogue").TryLock(t.Context())
	must(t, err)
	for i := range 300 {
		must(t, rdb.Set(t.Context(), fmt.Sprintf("other:%d", i), "", 0).Err())
	}
	page := shows(t, server, "/locks", "nightly &lt;script&gt;", "Force release", fmt.Sprint(lock.Token()))
	if strings.Contains(page, "<script>") {
		t.Error("a lock's name is not escaped")
	}
	shows(t, server, "/locks?sort=semaphore", "gpu", fmt.Sprint(permit.Token()))
	shows(t, server, "/locks?sort=rwlock", "catalogue", "writer")
	shows(t, server, "/locks?q=nightly", "nightly &lt;script&gt;")
	shows(t, server, "/locks?q=daily", "No lock of such a name is held")
	var list struct {
		Locks []lockmgr.State
		Keys  struct {
			Scanned, Total int64
			Next           string
		}
	}
	fetchJSON(t, server, "/locks?q="+url.QueryEscape("nightly "+evil), &list)
	if len(list.Locks) != 1 || list.Keys.Next != "" || list.Keys.Scanned < 300 || list.Keys.Scanned > list.Keys.Total {
		t.Fatalf("got %+v", list)
	}
	for _, path := range []string{"/locks?sort=mutex", "/locks?cursor=x", "/locks?cursor=1-0", "/locks?cursor=-1-0"} {
		if got := do(t, browser(t), http.MethodGet, server.URL+path, nil); got.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", path, got.StatusCode)
		}
	}
	evictInTwoSteps(t, server, list.Locks[0])
	shows(t, server, "/audit", "lock.evict", "lock:nightly &lt;script&gt;")
	if _, err := locks.TryAcquire(t.Context(), "nightly "+evil); err != nil {
		t.Errorf("after the eviction: %v", err)
	}
}

func evictInTwoSteps(t *testing.T, server *httptest.Server, lock lockmgr.State) {
	t.Helper()
	form := []string{"sort", string(lock.Kind), "name", lock.Name, "owner", lock.Holders[0].Owner}
	if status, answer := act(t, server, "/locks/evict", form...); status != http.StatusPreconditionRequired {
		t.Fatalf("unconfirmed: %d %s", status, answer)
	}
	form = append(form, "confirm", lock.Name)
	if status, answer := act(t, server, "/locks/evict", form...); status != http.StatusOK {
		t.Fatalf("confirmed: %d %s", status, answer)
	}
	if status, answer := act(t, server, "/locks/evict", form...); status != http.StatusNotFound {
		t.Errorf("again: %d %s", status, answer)
	}
}

func TestLocksPageByPage(t *testing.T) {
	t.Parallel()
	rdb, server := open(t)
	pipe := rdb.Pipeline()
	for i := range 30_000 {
		pipe.Set(t.Context(), fmt.Sprintf("other:%d", i), "", 0)
	}
	for i := range 300 {
		pipe.Set(t.Context(), fmt.Sprintf("lock:%d", i), "someone", time.Hour)
	}
	_, err := pipe.Exec(t.Context())
	must(t, err)
	seen, pages := map[string]bool{}, 0
	for cursor := ""; ; pages++ {
		var list struct {
			Locks []lockmgr.State
			Keys  struct {
				Scanned int64
				Next    string
			}
		}
		fetchJSON(t, server, "/locks?cursor="+cursor, &list)
		if list.Keys.Scanned > 20_000 {
			t.Errorf("%d keys were looked at for one page", list.Keys.Scanned)
		}
		for _, lock := range list.Locks {
			seen[lock.Name] = true
		}
		if cursor = list.Keys.Next; cursor == "" {
			break
		}
	}
	if len(seen) != 300 || pages < 1 {
		t.Errorf("%d locks were seen on %d pages", len(seen), pages+1)
	}
}
