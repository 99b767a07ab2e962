package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/dashboard/audit"
	secrets "github.com/navvy-go/navvy/internal/credentials"
	"github.com/navvy-go/navvy/internal/redistest"
)

// clock is a dashboard's Now: it stands until it is moved.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().Unix() / 30 * 30) // the beginning of a step
	return c
}

func (c *clock) now() time.Time { return time.Unix(c.at.Load(), 0) }

// phone is what somebody with a second factor has.
type phone struct {
	*clock
	secret   string
	recovery []string
	read     *dashboard.Credentials // that know it
}

// shows is the code of a time.
func (p *phone) shows(t *testing.T, after time.Duration) string {
	t.Helper()
	code, err := totp.GenerateCode(p.secret, p.now().Add(after))
	must(t, err)
	return code
}

// enrol adds a second factor of somebody to a file, and reads that again.
func enrol(t *testing.T, file, name string) *phone {
	t.Helper()
	line, _, recovery, err := secrets.NewTOTP(name)
	must(t, err)
	text, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, append(text, line+"\n"...), 0o600))
	read, err := dashboard.ReadCredentials(file)
	must(t, err)
	return &phone{newClock(), strings.Fields(line)[2], recovery, read}
}

// withFactor is a board on which olga has a second factor and vera has none.
func withFactor(t *testing.T) (*httptest.Server, *phone, dashboard.Config) {
	t.Helper()
	_, file, _ := credentials(t)
	phone := enrol(t, file, "olga")
	cfg := dashboard.Config{
		Redis: redistest.Shared(t).Client(t), Namespace: redistest.Namespace(), Now: phone.now,
		Auth: passwords(t, phone.read),
	}
	return board(t, cfg), phone, cfg
}

// tryLogin is a login of olga by a code, in a browser of its own.
func tryLogin(t *testing.T, server *httptest.Server, code string) (*http.Client, answer) {
	t.Helper()
	client := browser(t)
	return client, do(t, client, http.MethodPost, server.URL+"/login",
		url.Values{"name": {"olga"}, "password": {plain}, "code": {code}, "next": {"/queues"}})
}

// isRefused fails unless a login was refused, without a word about which part of it was wrong.
func isRefused(t *testing.T, why string, server *httptest.Server, code string) {
	t.Helper()
	client, got := tryLogin(t, server, code)
	if got.StatusCode != http.StatusUnauthorized || len(got.Cookies()) > 0 ||
		!strings.Contains(got.body, "The name, the password or the code is wrong.") {
		t.Errorf("%s: %d, cookies %v\n%s", why, got.StatusCode, got.Cookies(), got.body)
	}
	mustBe(t, why, false, client, server)
}

// isTaken fails unless a code lets in.
func isTaken(t *testing.T, why string, server *httptest.Server, code string) *http.Client {
	t.Helper()
	client, got := tryLogin(t, server, code)
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/queues" {
		t.Errorf("%s: %d to %q\n%s", why, got.StatusCode, got.Header.Get("Location"), got.body)
	}
	mustBe(t, why, true, client, server)
	return client
}

func TestALoginWithACode(t *testing.T) {
	t.Parallel()
	server, phone, _ := withFactor(t)
	page := do(t, browser(t), http.MethodGet, server.URL+"/login", nil)
	if !strings.Contains(page.body, `name="code" autocomplete="one-time-code"`) {
		t.Errorf("the page has no field for a code:\n%s", page.body)
	}
	isTaken(t, "the code that the phone shows", server, phone.shows(t, 0))
	login(t, browser(t), server, "vera") // who has none needs none
	read, _, _ := credentials(t)
	plainServer := board(t, dashboard.Config{Auth: passwords(t, read)})
	page = do(t, browser(t), http.MethodGet, plainServer.URL+"/login", nil)
	if strings.Contains(page.body, `name="code"`) {
		t.Errorf("nobody has a second factor, and the page asks for one:\n%s", page.body)
	}
}

func TestAPasswordAloneOpensNoDoor(t *testing.T) {
	t.Parallel()
	server, phone, _ := withFactor(t)
	_, file, _ := credentials(t)
	other := enrol(t, file, "olga")
	for why, code := range map[string]string{
		"no code": "", "a blank": " ", "another phone's code": other.shows(t, 0), "another recovery code": other.recovery[0],
		"the secret": phone.secret, "an old code": phone.shows(t, -time.Minute),
		"a code to come": phone.shows(t, time.Minute),
	} {
		isRefused(t, why, server, code)
	}
	out, _ := tryLogin(t, server, "")
	for _, path := range everyAddress {
		for _, basic := range []string{"", "Basic"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
			must(t, err)
			if basic != "" {
				request.SetBasicAuth("olga", plain)
			}
			response, err := out.Do(request)
			must(t, err)
			must(t, response.Body.Close())
			if response.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s %s with the password: %d", path, basic, response.StatusCode)
			}
		}
	}
	query := url.Values{"name": {"olga"}, "password": {plain}, "code": {phone.shows(t, 0)}}.Encode()
	got := do(t, out, http.MethodPost, server.URL+"/login?"+query, url.Values{"name": {"olga"}, "password": {plain}})
	if got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a code in an address, where logs have it: %d", got.StatusCode)
	}
	isTaken(t, "the right code after all that", server, phone.shows(t, 0))
}

// A code counts once on all monitors of a Redis, and a wrong password takes none.
func TestACodeCountsOnce(t *testing.T) {
	t.Parallel()
	server, phone, cfg := withFactor(t)
	another := func() *httptest.Server {
		cfg.Auth = passwords(t, phone.read)
		return board(t, cfg)
	}
	same := another()
	cfg.Namespace = redistest.Namespace()
	elsewhere := another()
	code := phone.shows(t, 0)
	wrong := url.Values{"name": {"olga"}, "password": {"wrong"}, "code": {code}}
	if got := do(t, browser(t), http.MethodPost, server.URL+"/login", wrong); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong password with a right code: %d", got.StatusCode)
	}
	isTaken(t, "for the first time", server, code)
	for why, at := range map[string]*httptest.Server{"here": server, "beside": same, "in another namespace": elsewhere} {
		isRefused(t, "a second time, "+why, at, code)
	}
	phone.at.Add(30)
	isRefused(t, "in the next step", server, code)
	isTaken(t, "the next code", same, phone.shows(t, 0))
}

// The phone's clock may differ by one step from the monitor's.
func TestClocksMayDifferByOneStep(t *testing.T) {
	t.Parallel()
	server, phone, _ := withFactor(t)
	code := phone.shows(t, 0)
	begin := phone.at.Load()
	for _, seconds := range []int64{-31, 60, 90} {
		phone.at.Store(begin + seconds)
		isRefused(t, "a clock that is wrong by more", server, code)
	}
	phone.at.Store(begin - 30)
	isTaken(t, "a phone that is ahead", server, code)
	late := phone.shows(t, 0)
	phone.at.Store(begin + 29)
	isTaken(t, "a phone that is behind", server, late)
}

func TestARecoveryCodeCountsOnce(t *testing.T) {
	t.Parallel()
	server, phone, _ := withFactor(t)
	client, _ := tryLogin(t, server, phone.recovery[3])
	page := do(t, client, http.MethodGet, server.URL+"/queues", nil)
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, "recovery code. It counts no more; 9 are left.") {
		t.Errorf("the page after it: %d\n%s", page.StatusCode, page.body)
	}
	isRefused(t, "a second time", server, phone.recovery[3])
	isTaken(t, "another one, as some type it", server, strings.ToUpper(strings.ReplaceAll(phone.recovery[9], "-", " ")))
	isTaken(t, "the app goes on", server, phone.shows(t, 0))
}

func TestWrongCodesAreLimited(t *testing.T) {
	t.Parallel()
	server, phone, _ := withFactor(t)
	for range 10 {
		if _, got := tryLogin(t, server, phone.shows(t, time.Hour)); got.StatusCode != http.StatusUnauthorized {
			t.Fatalf("a wrong code: %d", got.StatusCode)
		}
	}
	if _, got := tryLogin(t, server, phone.shows(t, 0)); got.StatusCode != http.StatusTooManyRequests ||
		got.Header.Get("Retry-After") == "" {
		t.Errorf("the right code after ten wrong ones: %d", got.StatusCode)
	}
	login(t, browser(t), server, "vera") // somebody else at the same address
}

func TestSecondFactorsAreAudited(t *testing.T) {
	t.Parallel()
	server, phone, cfg := withFactor(t)
	isTaken(t, "a code", server, phone.shows(t, 0))
	isTaken(t, "a recovery code", server, phone.recovery[0])
	isRefused(t, "a code that was used", server, phone.shows(t, 0))
	isRefused(t, "no code", server, "")
	do(t, browser(t), http.MethodPost, server.URL+"/login", url.Values{"name": {"olga"}, "password": {"wrong"}})
	trail := audit.New(cfg.Redis, cfg.Namespace)
	for _, test := range []struct {
		of   *audit.Trail
		want []string
	}{
		{trail, []string{"login olga operator, by a code", "login olga operator, by a recovery code, 9 left"}},
		{trail.Refused(), []string{
			"login.failed olga the password is right, the code was used before",
			"login.failed olga the password is right, the code is not", "login.failed olga ",
		}},
	} {
		entries, err := test.of.List(t.Context(), "", 100)
		must(t, err)
		var got []string
		for _, e := range entries {
			got = append(got, e.What+" "+e.Who+" "+e.Detail)
		}
		if slices.Reverse(got); !slices.Equal(got, test.want) {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// demanding is an Auth that lets in nobody of a role or above without a second factor.
func demanding(t *testing.T, read *dashboard.Credentials, of dashboard.Role) dashboard.Auth {
	t.Helper()
	auth, err := dashboard.NewPasswords(read, dashboard.Sessions{Key: []byte(strings.Repeat("k", 32))})
	must(t, err)
	auth.SecondFactor = of
	return auth
}

func TestASecondFactorIsDemanded(t *testing.T) {
	t.Parallel()
	read, file, _ := credentials(t)
	cfg := dashboard.Config{
		Redis: redistest.Shared(t).Client(t), Namespace: redistest.Namespace(), Auth: passwords(t, read),
	}
	before := board(t, cfg)
	of := func(role dashboard.Role) *httptest.Server {
		cfg.Auth = demanding(t, read, role)
		return board(t, cfg)
	}
	operators, all := of(dashboard.Operator), of(dashboard.Viewer)
	for name, servers := range map[string]map[*httptest.Server]bool{
		"vera": {before: true, operators: true, all: false}, "olga": {before: true, operators: false, all: false},
	} {
		old := browser(t)
		login(t, old, before, name)
		for server, in := range servers {
			got := do(t, browser(t), http.MethodPost, server.URL+"/login", url.Values{"name": {name}, "password": {plain}})
			if in != (got.StatusCode == http.StatusSeeOther) ||
				!in && (got.StatusCode != http.StatusForbidden || !strings.Contains(got.body, "You need a second factor")) {
				t.Errorf("%s, let in is %t: %d\n%s", name, in, got.StatusCode, got.body)
			}
			if in { // cookies do not know ports, and sessions are shared
				mustBe(t, name+" with a session from before", true, old, server)
			}
		}
		mustBe(t, name+" with a session from before, where all need one", false, old, all)
	}
	phone := enrol(t, file, "olga")
	read = phone.read
	isTaken(t, "who has one", of(dashboard.Operator), phone.shows(t, 0))
}

func TestASessionEndsWithItsSecondFactor(t *testing.T) {
	t.Parallel()
	read, file, _ := credentials(t)
	none, err := os.ReadFile(file)
	must(t, err)
	server := board(t, dashboard.Config{Auth: passwords(t, read)})
	client, other := browser(t), browser(t)
	login(t, client, server, "olga")
	login(t, other, server, "vera")
	phone := enrol(t, file, "olga")
	if !eventually(t, func() bool { return !isIn(t, client, server) }) {
		t.Error("a session of the password alone goes on")
	}
	in := isTaken(t, "its first code", server, phone.shows(t, 0))
	must(t, os.WriteFile(file, none, 0o600))
	if !eventually(t, func() bool { return !isIn(t, in, server) }) {
		t.Error("a session of another factor goes on")
	}
	mustBe(t, "somebody else", true, other, server)
}

// Without Redis nobody knows whether a code was taken.
func TestNoCodeIsTakenWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	_, file, _ := credentials(t)
	phone := enrol(t, file, "olga")
	redisServer := redistest.New(t)
	rdb := redis.NewClient(&redis.Options{Addr: redisServer.Addr, DialerRetries: 1, MaxRetries: -1})
	defer rdb.Close()
	server := board(t, dashboard.Config{Auth: passwords(t, phone.read), Redis: rdb, Now: phone.now})
	redisServer.Stop()
	for _, code := range []string{phone.shows(t, 0), phone.recovery[0]} {
		if _, got := tryLogin(t, server, code); got.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%d\n%s", got.StatusCode, got.body)
		}
	}
}
