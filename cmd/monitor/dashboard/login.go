package dashboard

import (
	"bytes"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	failuresAllowed = 10 // wrong passwords from one address
	failuresWithin  = time.Minute
	comparedAtOnce  = 2 // hashing takes a quarter of a second of a processor
	loginBytes      = 4 << 10
)

// Passwords lets in who logs in with a password of the credentials. Make it with [NewPasswords].
type Passwords struct {
	credentials *Credentials
	sessions    Sessions
	comparing   chan struct{}
	failures    failures
}

// NewPasswords returns the Auth that asks for a password on a page of its own.
func NewPasswords(credentials *Credentials, sessions Sessions) (*Passwords, error) {
	if err := sessions.validate(); err != nil {
		return nil, err
	}
	return &Passwords{credentials: credentials, sessions: sessions, comparing: make(chan struct{}, comparedAtOnce)}, nil
}

// Identify reads the session's cookie. The role is the one that the credentials give today.
func (p *Passwords) Identify(r *http.Request) (User, bool) {
	session, ok := p.sessions.get(r, "session")
	if !ok {
		return User{}, false
	}
	return p.credentials.user(session.Name)
}

// Challenge sends a person to the login page, and refuses a program.
func (p *Passwords) Challenge(w http.ResponseWriter, r *http.Request) {
	if !wantsPage(r) {
		refuse(w, r)
		return
	}
	prefix, _ := r.Context().Value(prefixKey{}).(string)
	target := prefix + "/login?next=" + url.QueryEscape(address(prefix, r.URL))
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// Routes adds the login page and the way out.
func (p *Passwords) Routes(mux *http.ServeMux, prefix string) {
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		p.ask(w, prefix, local(r.URL.Query().Get("next"), prefix), "", http.StatusOK)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) { p.login(w, r, prefix) })
	mux.HandleFunc("POST "+p.logout(), func(w http.ResponseWriter, r *http.Request) {
		p.sessions.clear(w, "session")
		http.Redirect(w, r, prefix+"/login", http.StatusSeeOther)
	})
}

func (p *Passwords) logout() string { return "/logout" }

func (p *Passwords) login(w http.ResponseWriter, r *http.Request, prefix string) {
	r.Body = http.MaxBytesReader(w, r.Body, loginBytes)
	next := local(r.PostFormValue("next"), prefix)
	from := remote(r)
	if !sameOrigin(r) {
		http.Error(w, "this form is not from this monitor", http.StatusForbidden)
		return
	}
	if p.failures.tooMany(from) {
		w.Header().Set("Retry-After", "60")
		p.ask(w, prefix, next, "Too many wrong passwords: wait a minute.", http.StatusTooManyRequests)
		return
	}
	select {
	case p.comparing <- struct{}{}:
		defer func() { <-p.comparing }()
	case <-r.Context().Done():
		return
	}
	user, ok := p.credentials.password(r.PostFormValue("name"), r.PostFormValue("password"))
	if !ok {
		p.failures.add(from)
		p.ask(w, prefix, next, "There is no such user, or the password is wrong.", http.StatusUnauthorized)
		return
	}
	p.sessions.set(w, "session", sealed{Name: user.Name}, p.sessions.life())
	http.Redirect(w, r, next, http.StatusSeeOther)
}

var loginTemplate = template.Must(template.ParseFS(web, "web/login.html"))

func (p *Passwords) ask(w http.ResponseWriter, prefix, next, complaint string, status int) {
	var out bytes.Buffer
	_ = loginTemplate.Execute(&out, map[string]string{"Prefix": prefix, "Next": next, "Complaint": complaint})
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

// sameOrigin refuses a form that another site's page has sent. Browsers that send neither header are from before 2020.
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin" || site == "none"
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}

func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// failures counts wrong passwords by address. The zero value is ready.
type failures struct {
	mu    sync.Mutex
	begun time.Time
	seen  map[string]int
}

func (f *failures) tooMany(from string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.begun) > failuresWithin {
		f.begun, f.seen = time.Now(), map[string]int{}
	}
	return f.seen[from] >= failuresAllowed
}

func (f *failures) add(from string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil {
		f.begun, f.seen = time.Now(), map[string]int{}
	}
	f.seen[from]++
}
