package dashboard

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"

	"github.com/navvy-go/navvy/internal/loginguard"
)

const loginBytes = 16 << 10 // three for each byte of the longest password, and an address

// Passwords accepts users that log in with a password of the credentials, and prove their second factor if they have
// one. Make it with [NewPasswords].
type Passwords struct {
	// SecondFactor is the lowest role whose users must have a second factor: who has none is not let in. By default,
	// who has none needs none. Set it before anybody logs in.
	SecondFactor Role

	credentials *Credentials
	sessions    Sessions
	logins      atomic.Pointer[logins] // of the dashboard that it is for
	guard       *loginguard.Guard
}

// NewPasswords returns the Auth that asks for a password on a page of its own.
func NewPasswords(credentials *Credentials, sessions Sessions) (*Passwords, error) {
	if err := sessions.validate(); err != nil {
		return nil, err
	}
	return &Passwords{credentials: credentials, sessions: sessions, guard: loginguard.New(nil)}, nil
}

func (p *Passwords) bind(d *Dashboard) error {
	made, err := newLogins(d, p.sessions, "session")
	p.logins.Store(made)
	return err
}

// Identify reads the session. The role is the one that the credentials give now; a session ends when its user has
// another password, role or second factor, or must have one and has none.
func (p *Passwords) Identify(r *http.Request) (User, bool) {
	all := p.logins.Load()
	if all == nil {
		return User{}, false
	}
	in, ok := all.of(r)
	if !ok {
		return User{}, false
	}
	of, ok := p.credentials.person(in.Name)
	if !ok {
		return User{}, false
	}
	if of.proof != in.Proof || p.lacksFactor(of) {
		all.void(r, in)
		return User{}, false
	}
	of.Role, of.login = in.bounded(of.Role), in
	return of.User, true
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
			refuseWith(w, r, http.StatusServiceUnavailable, "the session cannot be ended now: "+shownText(err))
			return
		}
		http.Redirect(w, r, prefix+"/login", http.StatusSeeOther)
	})
}

func (p *Passwords) logout() string { return "/logout" }

func (p *Passwords) login(w http.ResponseWriter, r *http.Request, prefix string) {
	r.Body = http.MaxBytesReader(w, r.Body, loginBytes)
	next, all := local(r.PostFormValue("next"), prefix), p.logins.Load()
	asked := attempt{r.PostFormValue("name"), r.PostFormValue("password"), r.PostFormValue("code")}
	var is verdict
	ok, err := p.guard.Try(r.Context(), asked.name, all.address(r), func() bool {
		is = p.verify(r.Context(), all, asked)
		return is.refusal == nil
	})
	if err != nil {
		p.refuse(w, r, prefix, next, err)
		return
	}
	if !ok {
		all.d.denied(r, p.known(asked.name), "login.failed", is.refusal.detail)
		p.ask(w, prefix, next, is.refusal.complaint, is.refusal.status)
		return
	}
	in := login{Name: is.Name, Proof: is.proof, Role: is.Role, how: is.how}
	if err := all.begin(w, r, in); err != nil {
		p.ask(w, prefix, next, awayComplaint, http.StatusServiceUnavailable)
		return
	}
	if is.notice != "" {
		all.d.leave(w, Notice{Text: is.notice})
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// known returns the name of a person, or "" for one that is not in the file: what was typed there may be a password.
func (p *Passwords) known(name string) string {
	of, _ := p.credentials.person(name)
	return of.Name
}

// refuse answers an attempt that was not compared.
func (p *Passwords) refuse(w http.ResponseWriter, r *http.Request, prefix, next string, err error) {
	var refused *loginguard.Refused
	if !errors.As(err, &refused) {
		return // the client has left
	}
	p.logins.Load().d.denied(r, p.known(r.PostFormValue("name")), "login.limited", "")
	seconds := int(math.Ceil(refused.After.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	if refused.Busy {
		p.ask(w, prefix, next, "Many people log in just now: try again.", http.StatusServiceUnavailable)
		return
	}
	p.ask(w, prefix, next, fmt.Sprintf("Too many attempts: wait %d s.", seconds), http.StatusTooManyRequests)
}

var loginTemplate = template.Must(template.ParseFS(web, "web/login.html"))

func (p *Passwords) ask(w http.ResponseWriter, prefix, next, complaint string, status int) {
	var out bytes.Buffer
	_ = loginTemplate.Execute(&out, map[string]any{
		"Prefix": prefix, "Next": next, "Complaint": complaint, "Code": p.asksForCode(),
	})
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
