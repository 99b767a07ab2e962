package dashboard_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/apikey"
	"github.com/navvy-go/navvy/internal/redistest"
)

var keyForm = regexp.MustCompile(`navvy_[A-Za-z0-9_-]{43}`)

// The key is in the answer to the operator that makes it, and nowhere else: not on the page, not in the trail, not in a
// cookie, not in Redis.
func TestAKeyIsShownOnce(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	read, _, _ := credentials(t)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: passwords(t, read)})
	client := browser(t)
	login(t, client, server, "olga")
	token := csrfField.FindStringSubmatch(do(t, client, http.MethodGet, server.URL+"/keys", nil).body)
	if token == nil {
		t.Fatal("no form on the page of keys")
	}
	form := url.Values{
		"name": {"shop"}, "scopes": {"jobs:write:orders/mail.*\r\njobs:read"}, "expires": {"90d"}, "back": {"/keys"},
		"csrf": {token[1]},
	}
	made := do(t, client, http.MethodPost, server.URL+"/keys/create", form)
	secret := keyForm.FindString(made.body)
	if made.StatusCode != http.StatusOK || secret == "" || made.Header.Get("Cache-Control") != "no-store" ||
		made.Header.Get("Set-Cookie") != "" || strings.Contains(made.body, "data-live-at") {
		t.Fatalf("%d %v\n%s", made.StatusCode, made.Header, made.body)
	}
	id, _ := apikey.IDOf(secret)
	found, ok, err := apikey.New(rdb, namespace).Find(t.Context(), id)
	if err != nil || !ok || found.Name != "shop" || found.CreatedBy != "olga" || len(found.Scopes) != 2 ||
		found.Expires == nil || found.Expires.Sub(found.Created) != 90*24*time.Hour {
		t.Errorf("%+v, %t, %v", found, ok, err)
	}
	for path, want := range map[string]string{
		"/keys": "jobs:write:orders/mail.*", "/api/v1/keys": "jobs:write:orders/mail.*", "/audit": "key.create",
		"/audit/export": `"what":"key.create","target":"shop","detail":"jobs:write:orders/mail.* jobs:read, to 2`,
	} {
		page := do(t, client, http.MethodGet, server.URL+path, nil)
		if !strings.Contains(page.body, want) || keyForm.MatchString(page.body) {
			t.Errorf("%s lacks %q or has a key:\n%s", path, want, page.body)
		}
	}
	if again := do(t, client, http.MethodPost, server.URL+"/keys/create", form); again.StatusCode != http.StatusSeeOther {
		t.Errorf("a second key of that name: %d\n%s", again.StatusCode, again.body)
	}
	shown := do(t, client, http.MethodGet, server.URL+"/keys", nil)
	if !strings.Contains(shown.body, "there is an API key of this name already") {
		t.Errorf("no word of why:\n%s", shown.body)
	}
}

func TestAKeyIsRevokedByItsName(t *testing.T) {
	t.Parallel()
	rdb, server := open(t)
	status, answer := act(t, server, "/api/v1/keys/create", "name", "shop", "scopes", "jobs:read", "expires", "never")
	var made struct {
		Name, Key string
		Expires   *time.Time
	}
	if err := json.Unmarshal([]byte(answer), &made); status != http.StatusCreated || err != nil || made.Name != "shop" ||
		!keyForm.MatchString(made.Key) || made.Expires != nil {
		t.Fatalf("%d %s", status, answer)
	}
	store := apikey.New(rdb, "")
	id, _ := apikey.IDOf(made.Key)
	must(t, store.Used(t.Context(), id, time.Now().Add(-time.Hour)))
	var list struct {
		Keys []struct {
			Name    string
			LastUse *time.Time `json:"last_use"`
		}
	}
	fetchJSON(t, server, "/keys", &list)
	if len(list.Keys) != 1 || list.Keys[0].LastUse == nil {
		t.Errorf("%+v", list)
	}
	if status, answer := act(t, server, "/keys/revoke", "name", "other"); status != http.StatusNotFound {
		t.Errorf("another name: %d %s", status, answer)
	}
	status, answer = act(t, server, "/keys/revoke", "name", "shop")
	if status != http.StatusPreconditionRequired || !strings.Contains(answer, "last used 1 h") {
		t.Errorf("unconfirmed: %d %s", status, answer)
	}
	if _, ok, err := store.Find(t.Context(), id); !ok || err != nil {
		t.Fatalf("%t, %v", ok, err)
	}
	if status, answer := act(t, server, "/keys/revoke", "name", "shop", "confirm", "shop"); status != http.StatusOK {
		t.Errorf("confirmed: %d %s", status, answer)
	}
	if _, ok, err := store.Find(t.Context(), id); ok || err != nil {
		t.Errorf("it still counts: %t, %v", ok, err)
	}
	shows(t, server, "/audit", "key.revoke", "jobs:read, for ever")
	shows(t, server, "/keys", "No API key yet.")
}

func TestWrongKeysAreNotMade(t *testing.T) {
	t.Parallel()
	rdb, server := open(t)
	for _, form := range [][]string{
		{"name", "a b", "scopes", "jobs:read", "expires", "90d"},
		{"name", "", "scopes", "jobs:read", "expires", "90d"},
		{"name", "a", "scopes", "", "expires", "90d"},
		{"name", "a", "scopes", "jobs:write:*", "expires", "90d"},
		{"name", "a", "scopes", "jobs:read", "expires", ""},
		{"name", "a", "scopes", "jobs:read", "expires", "1s"},
	} {
		if status, answer := act(t, server, "/keys/create", form...); status != http.StatusBadRequest {
			t.Errorf("%q: %d %s", form, status, answer)
		}
	}
	if n := rdb.Exists(t.Context(), "navvy:apikeys").Val(); n != 0 {
		t.Error("one was made")
	}
}

// Viewers see names, scopes and last uses; forms and what they do are for operators.
func TestViewersSeeKeysAndMakeNone(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	asked := apikey.Request{Name: "shop", Scopes: []string{"jobs:read"}}
	_, _, err := apikey.New(rdb, namespace).Create(t.Context(), asked, time.Now())
	must(t, err)
	read, _, _ := credentials(t)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: passwords(t, read)})
	client := browser(t)
	login(t, client, server, "vera")
	page := do(t, client, http.MethodGet, server.URL+"/keys", nil)
	if !strings.Contains(page.body, "jobs:read") || strings.Contains(page.body, "/keys/revoke") ||
		strings.Contains(page.body, "/keys/create") {
		t.Errorf("a viewer gets\n%s", page.body)
	}
	for _, path := range []string{"/keys/create", "/keys/revoke"} {
		form := url.Values{"name": {"shop"}, "confirm": {"shop"}, "scopes": {"jobs:read"}, "expires": {"90d"}}
		got := do(t, client, http.MethodPost, server.URL+path, form, "Sec-Fetch-Site", "same-origin")
		if got.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", path, got.StatusCode)
		}
	}
}
