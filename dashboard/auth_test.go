package dashboard_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"golang.org/x/crypto/bcrypt"

	"github.com/navvy-go/navvy/dashboard"
	secrets "github.com/navvy-go/navvy/internal/credentials"
)

const plain = "correct horse battery"

// credentials writes a file with a viewer and an operator, who have passwords and tokens.
func credentials(t *testing.T) (read *dashboard.Credentials, file string, tokens map[string]string) {
	t.Helper()
	var lines bytes.Buffer
	tokens = map[string]string{}
	for name, role := range map[string]dashboard.Role{"vera": dashboard.Viewer, "olga": dashboard.Operator} {
		hash, err := bcrypt.GenerateFromPassword([]byte(plain), bcrypt.MinCost) // as PasswordLine does, but quick
		if err != nil {
			t.Fatal(err)
		}
		token, tokenLine, err := secrets.NewSecret(secrets.Token, name+"-bot", role.String())
		if err != nil {
			t.Fatal(err)
		}
		tokens[name] = token
		lines.WriteString("# " + name + "\npassword " + name + " " + role.String() + " " + string(hash) + "\n" + tokenLine +
			"\n")
	}
	file = filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := dashboard.ReadCredentials(file)
	if err != nil {
		t.Fatal(err)
	}
	return read, file, tokens
}

func passwords(t *testing.T, read *dashboard.Credentials) dashboard.Auth {
	t.Helper()
	auth, err := dashboard.NewPasswords(read, dashboard.Sessions{Key: []byte(strings.Repeat("k", 32))})
	if err != nil {
		t.Fatal(err)
	}
	return dashboard.AnyOf{dashboard.Tokens{Credentials: read}, auth}
}

func login(t *testing.T, client *http.Client, server *httptest.Server, name string) {
	t.Helper()
	got := do(t, client, http.MethodPost, server.URL+"/login",
		url.Values{"name": {name}, "password": {plain}, "next": {"/queues"}})
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/queues" {
		t.Fatalf("login of %s: %d to %q\n%s", name, got.StatusCode, got.Header.Get("Location"), got.body)
	}
}

// everyAddress lists the addresses that show or do something.
var everyAddress = []string{
	"/", "/queues", "/pending", "/waiting", "/delayed", "/dead",
	"/queues/orders/jobs/x", "/audit", "/operations/x", "/live",
	"/workers", "/redis", "/locks", "/keys", "/api/v1/keys", "/api/v1/workers", "/api/v1/redis", "/api/v1/locks",
	"/api/v1/overview", "/api/v1/queues", "/api/v1/pending", "/api/v1/dead",
	"/api/v1/queues/orders/jobs/x", "/api/v1/audit",
}

func TestClosedWithoutCredentials(t *testing.T) {
	t.Parallel()
	read, _, _ := credentials(t)
	server := board(t, dashboard.Config{Auth: passwords(t, read)})
	client := browser(t)
	for _, path := range everyAddress {
		page := do(t, client, http.MethodGet, server.URL+path, nil)
		if page.StatusCode != http.StatusSeeOther || !strings.HasPrefix(page.Header.Get("Location"), "/login?next=") {
			t.Errorf("GET %s as nobody: %d to %q", path, page.StatusCode, page.Header.Get("Location"))
		}
		program := do(t, client, http.MethodGet, server.URL+path, nil, "Accept", "application/json")
		if program.StatusCode != http.StatusUnauthorized {
			t.Errorf("GET %s as a program without a token: %d", path, program.StatusCode)
		}
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	read, _, _ := credentials(t)
	server := board(t, dashboard.Config{Auth: passwords(t, read)})
	for name, wrong := range map[string]url.Values{
		"another password": {"name": {"olga"}, "password": {"wrong"}},
		"no such user":     {"name": {"nobody"}, "password": {plain}},
		"nothing":          {},
	} {
		got := do(t, browser(t), http.MethodPost, server.URL+"/login", wrong)
		if got.StatusCode != http.StatusUnauthorized || len(got.Cookies()) > 0 {
			t.Errorf("%s: %d, cookies %v", name, got.StatusCode, got.Cookies())
		}
	}
	client := browser(t)
	login(t, client, server, "vera")
	if page := do(t, client, http.MethodGet, server.URL+"/queues", nil); page.StatusCode != 200 ||
		!strings.Contains(page.body, "read only") {
		t.Errorf("a viewer's page: %d\n%s", page.StatusCode, page.body)
	}
	if out := do(t, client, http.MethodPost, server.URL+"/logout", url.Values{}); out.StatusCode != http.StatusSeeOther {
		t.Errorf("logout: %d", out.StatusCode)
	}
	if page := do(t, client, http.MethodGet, server.URL+"/queues", nil); page.StatusCode != http.StatusSeeOther {
		t.Errorf("after the logout: %d", page.StatusCode)
	}
}

func TestLoginLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	read, _, _ := credentials(t)
	server := board(t, dashboard.Config{Auth: passwords(t, read)})
	for _, next := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, "evil",
		"/\r\nSet-Cookie: a=b"} {
		got := do(t, browser(t), http.MethodPost, server.URL+"/login",
			url.Values{"name": {"olga"}, "password": {plain}, "next": {next}})
		if got.Header.Get("Location") != "/" {
			t.Errorf("next=%q leads to %q", next, got.Header.Get("Location"))
		}
	}
}

func TestLoginFromAnotherSite(t *testing.T) {
	t.Parallel()
	read, _, _ := credentials(t)
	server := board(t, dashboard.Config{Auth: passwords(t, read)})
	form := url.Values{"name": {"olga"}, "password": {plain}}
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		if got := do(t, browser(t), http.MethodPost, server.URL+"/login", form,
			header...); got.StatusCode != http.StatusForbidden {
			t.Errorf("%v: %d", header, got.StatusCode)
		}
	}
}

func TestTooManyWrongPasswords(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "credentials")
	// A cheap hash, so that eleven logins are quick.
	const cheap = "$2a$04$QIgRCI2CDbTyuvaLcKmWXO3D.FdwFNvp9Q9nCHNEsqjhRNsPjLd4G"
	if err := os.WriteFile(file, []byte("password olga operator "+cheap+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := dashboard.ReadCredentials(file)
	if err != nil {
		t.Fatal(err)
	}
	server := board(t, dashboard.Config{Auth: passwords(t, read)})
	client := browser(t)
	var last int
	for range 11 {
		last = do(t, client, http.MethodPost, server.URL+"/login",
			url.Values{"name": {"olga"}, "password": {"wrong"}}).StatusCode
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the eleventh wrong password: %d", last)
	}
	if others := do(t, client, http.MethodPost, server.URL+"/login",
		url.Values{"name": {"vera"}}).StatusCode; others != http.StatusUnauthorized {
		t.Errorf("somebody else behind the same proxy: %d", others)
	}
}

func TestForgedSessions(t *testing.T) {
	t.Parallel()
	read, file, _ := credentials(t)
	server := board(t, dashboard.Config{Auth: passwords(t, read)})
	client := browser(t)
	login(t, client, server, "olga")
	address, _ := url.Parse(server.URL)
	cookie := client.Jar.Cookies(address)[0]
	text, signature, _ := strings.Cut(cookie.Value, ".")
	for name, value := range map[string]string{
		"other text":      "e30." + signature,
		"no signature":    text,
		"empty signature": text + ".",
		"garbage":         "....",
	} {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/queues", nil)
		request.AddCookie(&http.Cookie{Name: cookie.Name, Value: value})
		response, err := browser(t).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			t.Errorf("a cookie with %s is let in", name)
		}
	}
	// Who is taken out of the file is out, their session notwithstanding.
	if err := os.WriteFile(file, []byte("# nobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := func() bool {
		return do(t, client, http.MethodGet, server.URL+"/queues", nil).StatusCode == http.StatusSeeOther
	}
	if !eventually(t, out) {
		t.Error("a user who was removed is still let in")
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	read, _, tokens := credentials(t)
	server := board(t, dashboard.Config{Auth: passwords(t, read)})
	for name, test := range map[string]struct {
		header string
		status int
	}{
		"a viewer's token":  {"Bearer " + tokens["vera"], 200},
		"small letters":     {"bearer " + tokens["vera"], 200},
		"another token":     {"Bearer navvy_x", 401},
		"no token":          {"Bearer ", 401},
		"basic credentials": {"Basic b2xnYTpjb3JyZWN0", 401},
	} {
		got := do(t, browser(t), http.MethodGet, server.URL+"/queues", nil, "Authorization", test.header, "Accept", "*/*")
		if got.StatusCode != test.status {
			t.Errorf("%s: %d, want %d", name, got.StatusCode, test.status)
		}
	}
}

func TestCredentialsThatAreRefused(t *testing.T) {
	t.Parallel()
	write := func(content string, mode os.FileMode) string {
		file := filepath.Join(t.TempDir(), "credentials")
		if err := os.WriteFile(file, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for name, file := range map[string]string{
		"readable by all": write("", 0o644),
		"no file":         "/nowhere/credentials",
		"three words":     write("password olga operator", 0o600),
		"another role":    write("password olga admin $2a$04$QIgRCI2CDbTyuvaLcKmWXO3D.FdwFNvp9Q9nCHNEsqjhRNsPjLd4G", 0o600),
		"no hash":         write("password olga operator hunter2", 0o600),
		"a short hash":    write("token olga operator abcd", 0o600),
		"a long hash":     write("token olga operator "+strings.Repeat("ab", 40), 0o600),
		"another kind":    write("key olga operator abcd", 0o600),
	} {
		if _, err := dashboard.ReadCredentials(file); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// One file may serve the monitor and the gateway.
func TestLinesOfTheGatewayLetNobodyIn(t *testing.T) {
	t.Parallel()
	key, keyLine, err := secrets.NewSecret(secrets.Key, "shop", "jobs:read")
	if err != nil {
		t.Fatal(err)
	}
	const cheap = "$2a$04$nyg/SET.KaVpHsZHN1z2F.b21PYIPPwhdJKrgcLseajuTFZ2uew.y" // of "correct horse"
	file := filepath.Join(t.TempDir(), "credentials")
	lines := keyLine + "\npassword alice " + cheap + "\npassword olga operator " + cheap + "\n"
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := dashboard.ReadCredentials(file)
	if err != nil {
		t.Fatal(err)
	}
	server := board(t, dashboard.Config{Auth: passwords(t, read)})
	api := server.URL + "/api/v1/queues"
	got := do(t, browser(t), http.MethodGet, api, nil, "Accept", "application/json", "Authorization", "Bearer "+key)
	if got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a key of the gateway: %d", got.StatusCode)
	}
	for name, want := range map[string]int{"alice": http.StatusUnauthorized, "olga": http.StatusSeeOther} {
		form := url.Values{"name": {name}, "password": {"correct horse"}}
		if got := do(t, browser(t), http.MethodPost, server.URL+"/login", form); got.StatusCode != want {
			t.Errorf("%s: %d, want %d", name, got.StatusCode, want)
		}
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	auth := func(from string) dashboard.Auth {
		made, err := dashboard.NewProxy(dashboard.Proxy{
			From:  []netip.Prefix{netip.MustParsePrefix(from)},
			Roles: dashboard.Roles{Viewers: []string{"vera"}, Operators: []string{"@oncall"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	trusted := board(t, dashboard.Config{Auth: auth("127.0.0.0/8")})
	elsewhere := board(t, dashboard.Config{Auth: auth("10.0.0.0/8")})
	for name, test := range map[string]struct {
		server  *httptest.Server
		headers []string
		status  int
		holds   string
	}{
		"a viewer": {trusted, []string{"X-Forwarded-User", "vera"}, 200, "read only"},
		"an operator": {trusted, []string{"X-Forwarded-User", "olga", "X-Forwarded-Groups", "dev, oncall"}, 200,
			"olga"},
		"nobody":                  {trusted, nil, 403, ""},
		"a stranger":              {trusted, []string{"X-Forwarded-User", "mallory"}, 403, ""},
		"a name like a group":     {trusted, []string{"X-Forwarded-User", "oncall"}, 403, ""},
		"a header not from there": {elsewhere, []string{"X-Forwarded-User", "vera"}, 403, ""},
	} {
		got := do(t, browser(t), http.MethodGet, test.server.URL+"/queues", nil, test.headers...)
		if got.StatusCode != test.status || !strings.Contains(got.body, test.holds) {
			t.Errorf("%s: %d\n%s", name, got.StatusCode, got.body)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{})
	defer rdb.Close()
	for name, cfg := range map[string]dashboard.Config{
		"no auth":       {Redis: rdb},
		"no redis":      {Auth: dashboard.Open{}},
		"a bad prefix":  {Redis: rdb, Auth: dashboard.Open{}, Prefix: `/"><script>`},
		"a bad mask":    {Redis: rdb, Auth: dashboard.Open{}, Mask: []string{strings.Repeat("a*", 101)}},
		"a bad name":    {Redis: rdb, Auth: dashboard.Open{}, Namespace: "a{b"},
		"a half prefix": {Redis: rdb, Auth: dashboard.Open{}, Prefix: "navvy"},
	} {
		if _, err := dashboard.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
