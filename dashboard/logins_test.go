package dashboard_test

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
)

// thief returns a browser with the cookies that another one has now.
func thief(t *testing.T, of *http.Client, server *httptest.Server) *http.Client {
	t.Helper()
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	other := browser(t)
	if other.Jar, err = cookiejar.New(nil); err != nil {
		t.Fatal(err)
	}
	other.Jar.SetCookies(at, of.Jar.Cookies(at))
	return other
}

func isIn(t *testing.T, client *http.Client, server *httptest.Server) bool {
	t.Helper()
	return do(t, client, http.MethodGet, server.URL+"/queues", nil).StatusCode == http.StatusOK
}

// mustBe fails unless a browser is logged in, or is not.
func mustBe(t *testing.T, when string, in bool, client *http.Client, server *httptest.Server) {
	t.Helper()
	if got := isIn(t, client, server); got != in {
		t.Errorf("%s: logged in is %t, want %t", when, got, in)
	}
}

func TestASessionEndsWithItsLogout(t *testing.T) {
	t.Parallel()
	read, _, _ := credentials(t)
	server := board(t, dashboard.Config{Auth: passwords(t, read)})
	client, other := browser(t), browser(t)
	login(t, client, server, "vera")
	login(t, other, server, "vera")
	stolen := thief(t, client, server)
	mustBe(t, "before", true, stolen, server)
	do(t, client, http.MethodPost, server.URL+"/logout", url.Values{})
	mustBe(t, "after the logout", false, stolen, server)
	mustBe(t, "another session", true, other, server)
}

func TestALoginHasAnotherSessionThanBefore(t *testing.T) {
	t.Parallel()
	read, _, _ := credentials(t)
	server := board(t, dashboard.Config{Auth: passwords(t, read)})
	client := browser(t)
	login(t, client, server, "vera")
	old := thief(t, client, server)
	login(t, client, server, "vera")
	mustBe(t, "the session from before the login", false, old, server)
	mustBe(t, "its own", true, client, server)
}

func TestASessionEndsWithItsPasswordAndRole(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(string) string{
		"role": func(text string) string {
			return strings.Replace(text, "password vera viewer", "password vera operator", 1)
		},
		"password": func(text string) string {
			hash := regexp.MustCompile(`password vera viewer \S+`)
			return hash.ReplaceAllString(text,
				"password vera viewer $$2a$$04$$QIgRCI2CDbTyuvaLcKmWXO3D.FdwFNvp9Q9nCHNEsqjhRNsPjLd4G")
		},
		"line": func(text string) string {
			return regexp.MustCompile(`password vera viewer \S+`).ReplaceAllString(text, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read, file, _ := credentials(t)
			server := board(t, dashboard.Config{Auth: passwords(t, read)})
			client, other := browser(t), browser(t)
			login(t, client, server, "vera")
			login(t, other, server, "olga")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(change(string(text))), 0o600); err != nil {
				t.Fatal(err)
			}
			if !eventually(t, func() bool { return !isIn(t, client, server) }) {
				t.Error("the session goes on")
			}
			mustBe(t, "somebody else", true, other, server)
		})
	}
}

// sessionKeys are the sessions in Redis of one test's namespace.
func sessionKeys(t *testing.T, rdb redis.UniversalClient, namespace, way, name string) []string {
	t.Helper()
	ids, err := rdb.ZRange(t.Context(), "sessions:user:monitor:"+namespace+":"+way+":"+name, 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	for i := range ids {
		ids[i] = "session:" + ids[i]
	}
	return ids
}

func TestASessionEndsWithoutUse(t *testing.T) {
	t.Parallel()
	read, _, _ := credentials(t)
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	server := board(t, dashboard.Config{Auth: passwords(t, read), Redis: rdb, Namespace: namespace})
	client := browser(t)
	login(t, client, server, "vera")
	key := sessionKeys(t, rdb, namespace, "session", "vera")[0]
	short := func() {
		if err := rdb.PExpire(t.Context(), key, time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
	}
	left := func() time.Duration { return rdb.PTTL(t.Context(), key).Val() }
	if left() > time.Hour {
		t.Errorf("an unused session lives for %s", left())
	}
	short()
	do(t, client, http.MethodGet, server.URL+"/queues", nil, "X-Live", "1")
	if left() > time.Minute {
		t.Error("a page that refreshes itself prolongs the session")
	}
	mustBe(t, "in use", true, client, server)
	if left() <= time.Minute {
		t.Error("a person's request does not prolong the session")
	}
	if err := rdb.Del(t.Context(), key).Err(); err != nil { // as its expiry does
		t.Fatal(err)
	}
	mustBe(t, "after the idle timeout", false, client, server)
}

func TestASessionEndsWithTheAbsoluteTimeout(t *testing.T) {
	t.Parallel()
	read, _, _ := credentials(t)
	now := time.Now()
	clock := func() time.Time { return now }
	server := board(t, dashboard.Config{Auth: passwords(t, read), Now: clock})
	client := browser(t)
	login(t, client, server, "vera")
	now = now.Add(dashboard.DefaultSession - time.Minute)
	mustBe(t, "before", true, client, server)
	now = now.Add(2 * time.Minute)
	mustBe(t, "after", false, client, server)
}

func TestOwnSessions(t *testing.T) {
	t.Parallel()
	read, _, _ := credentials(t)
	server := board(t, dashboard.Config{Auth: passwords(t, read)})
	client, second, third, other := browser(t), browser(t), browser(t), browser(t)
	for _, one := range []*http.Client{client, second, third} {
		login(t, one, server, "vera")
	}
	login(t, other, server, "olga")
	var list struct {
		Sessions []struct {
			Handle, Address, Agent string
			Current                bool
		}
	}
	shown := do(t, second, http.MethodGet, server.URL+"/api/v1/sessions", nil, "Accept", "application/json")
	if err := json.Unmarshal([]byte(shown.body), &list); err != nil || len(list.Sessions) != 3 {
		t.Fatalf("%s, %v", shown.body, err)
	}
	handle := ""
	for _, one := range list.Sessions {
		if one.Address != "127.0.0.1" || one.Agent == "" {
			t.Errorf("%+v", one)
		}
		if one.Current {
			handle = one.Handle
		}
	}
	token := func(client *http.Client) string {
		page := do(t, client, http.MethodGet, server.URL+"/sessions", nil)
		found := regexp.MustCompile(`name="csrf" value="([0-9a-f]+)"`).FindStringSubmatch(page.body)
		if found == nil || !strings.Contains(page.body, "this one") {
			t.Fatalf("no page of sessions: %d\n%s", page.StatusCode, page.body)
		}
		return found[1]
	}
	end := func(client *http.Client, path, csrf string) int {
		return do(t, client, http.MethodPost, server.URL+"/sessions/"+path, url.Values{"csrf": {csrf}, "session": {handle}},
			"Accept", "application/json").StatusCode
	}
	if status := end(client, "end", token(third)); status != http.StatusForbidden {
		t.Errorf("with another session's token: %d", status)
	}
	end(other, "end", token(other))
	mustBe(t, "ended by somebody else", true, second, server)
	if status := end(client, "end", token(client)); status != http.StatusOK {
		t.Errorf("end one: %d", status)
	}
	mustBe(t, "the one", false, second, server)
	mustBe(t, "another", true, third, server)
	if status := end(client, "end-all", token(client)); status != http.StatusOK {
		t.Errorf("end all: %d", status)
	}
	mustBe(t, "its own after all have ended", false, client, server)
	mustBe(t, "another after all have ended", false, third, server)
	mustBe(t, "somebody else", true, other, server)
}

// A session of an application in the same Redis is none of the dashboard, and none of another dashboard.
func TestSessionsOfOthersAreNone(t *testing.T) {
	t.Parallel()
	read, _, _ := credentials(t)
	rdb := redistest.Shared(t).Client(t)
	one := board(t, dashboard.Config{Auth: passwords(t, read), Redis: rdb, Namespace: redistest.Namespace()})
	other := board(t, dashboard.Config{Auth: passwords(t, read), Redis: rdb, Namespace: redistest.Namespace()})
	client := browser(t)
	login(t, client, one, "olga")
	at, _ := url.Parse(one.URL)
	moved := browser(t)
	there, _ := url.Parse(other.URL)
	moved.Jar.SetCookies(there, client.Jar.Cookies(at))
	mustBe(t, "its own", true, client, one)
	mustBe(t, "with the same key, in another namespace", false, moved, other)
}

// While Redis is away those that were logged in see the last picture, and nobody logs in.
func TestSessionsWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	read, _, _ := credentials(t)
	redisServer := redistest.New(t)
	rdb := redis.NewClient(&redis.Options{Addr: redisServer.Addr, DialerRetries: 1, MaxRetries: -1})
	defer rdb.Close()
	server := board(t, dashboard.Config{Auth: passwords(t, read), Redis: rdb})
	client, out := browser(t), browser(t)
	login(t, client, server, "olga")
	login(t, out, server, "olga")
	mustBe(t, "before", true, client, server)
	mustBe(t, "before", true, out, server)
	stolen := thief(t, out, server)
	redisServer.Stop()
	if page := do(t, client, http.MethodGet, server.URL+"/queues", nil); !strings.Contains(page.body, "does not answer") {
		t.Errorf("the last picture is not shown: %d\n%s", page.StatusCode, page.body)
	}
	if got := do(t, out, http.MethodPost, server.URL+"/logout", url.Values{}); got.StatusCode != 503 {
		t.Errorf("a logout that cannot be done: %d", got.StatusCode)
	}
	if got := do(t, stolen, http.MethodGet, server.URL+"/queues", nil); got.StatusCode != http.StatusSeeOther {
		t.Errorf("after that logout: %d", got.StatusCode)
	}
	form := url.Values{"name": {"olga"}, "password": {plain}}
	if got := do(t, browser(t), http.MethodPost, server.URL+"/login", form); got.StatusCode != 503 {
		t.Errorf("a login: %d", got.StatusCode)
	}
}
