package dashboard

import (
	"bytes"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	failuresAllowed = 10 // wrong passwords for one name from one address
	failuresWithin  = time.Minute
	comparedAtOnce  = 2 // hashing takes a quarter of a second of a processor
	loginBytes      = 4 << 10
)

// Passwords accepts users that log in with a password of the credentials. Make it with [NewPasswords].
type Passwords struct {
	credentials *Credentials
	sessions    Sessions
	logins      atomic.Pointer[logins] // of the dashboard that it is for
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

func (p *Passwords) bind(d *Dashboard) error {
	made, err := newLogins(d, p.sessions, "session")
	p.logins.Store(made)
	return err
}

// Identify reads the session. The role is the one that the credentials give now; a session ends when its user's line
// has changed, with another password or role.
func (p *Passwords) Identify(r *http.Request) (User, bool) {
	all := p.logins.Load()
	if all == nil {
		return User{}, false
	}
	in, ok := all.of(r)
	if !ok {
		return User{}, false
	}
	user, proof, ok := p.credentials.user(in.Name)
	if !ok {
		return User{}, false
	}
	if proof != in.Proof {
		all.void(r, in)
		return User{}, false
	}
	user.Role, user.login = in.bounded(user.Role), in
	return user, true
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

// Routes adds the login page, and the address of logging out.
func (p *Passwords) Routes(mux *http.ServeMux, prefix string) {
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		p.ask(w, prefix, local(r.URL.Query().Get("next"), prefix), "", http.StatusOK)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) { p.login(w, r, prefix) })
	mux.HandleFunc("POST "+p.logout(), func(w http.ResponseWriter, r *http.Request) {
		if err := p.logins.Load().logout(w, r); err != nil {
			refuseWith(w, r, http.StatusServiceUnavailable, "the session cannot be ended now: "+err.Error())
			return
		}
		http.Redirect(w, r, prefix+"/login", http.StatusSeeOther)
	})
}

func (p *Passwords) logout() string { return "/logout" }

func (p *Passwords) login(w http.ResponseWriter, r *http.Request, prefix string) {
	r.Body = http.MaxBytesReader(w, r.Body, loginBytes)
	next := local(r.PostFormValue("next"), prefix)
	name := r.PostFormValue("name")
	from := attempt{remote(r), name}
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
	user, proof, ok := p.credentials.password(name, r.PostFormValue("password"))
	if !ok {
		p.failures.add(from)
		p.ask(w, prefix, next, "The name or the password is wrong.", http.StatusUnauthorized)
		return
	}
	if err := p.logins.Load().begin(w, r, login{Name: user.Name, Proof: proof, Role: user.Role}); err != nil {
		p.ask(w, prefix, next, "Redis does not answer: nobody can log in now.", http.StatusServiceUnavailable)
		return
	}
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

func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// attempt is what wrong passwords are counted by. The name is part of it, because all people behind one proxy come from
// one address, and a stranger there must not lock out the others.
type attempt struct{ address, name string }

// failures counts wrong passwords. The zero value is ready. What it holds is bounded by how many passwords can be
// compared in a minute.
type failures struct {
	mu    sync.Mutex
	begun time.Time
	seen  map[attempt]int
}

func (f *failures) tooMany(from attempt) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.begun) > failuresWithin {
		f.begun, f.seen = time.Now(), map[attempt]int{}
	}
	return f.seen[from] >= failuresAllowed
}

func (f *failures) add(from attempt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil {
		f.begun, f.seen = time.Now(), map[attempt]int{}
	}
	f.seen[from]++
}
