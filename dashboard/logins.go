package dashboard

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/navvy-go/navvy/dashboard/audit"
	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/jobs/session"
	"github.com/navvy-go/navvy/queue"
)

const (
	sessionIdle  = time.Hour   // after the last page that a person asked for; what refreshes itself does not count
	sessionsMost = 50          // of one person: the oldest ends
	prolongAfter = time.Minute // a session is prolonged no more often
	rememberMost = 1000        // sessions that go on while Redis does not answer
	agentBytes   = 200
)

// logins are the sessions of people who have logged in. They are in Redis, shared by all monitors, so that one ends
// when it is said to end; the browser has only its ID, in a signed cookie.
type logins struct {
	store   *session.Store
	owner   string // begins the user IDs of this dashboard: an application may keep sessions in the same Redis
	cookie  string // its name
	cookies Sessions
	address func(*http.Request) string
	log     *slog.Logger
	d       *Dashboard

	mu         sync.Mutex
	remembered map[string]remembered
}

// remembered is a session as it was read last.
type remembered struct {
	login     *login
	at        time.Time // read
	prolonged time.Time
}

// login is the session of one person in one browser.
type login struct {
	id, user string // of the session; the ID is a secret
	logins   *logins
	begun    time.Time
	recalled bool   // Redis did not answer
	how      string // the second factor was proved, for the trail; of a login that begins

	Name, Proof string   // the user, and what the session stands and falls with, such as the line of the password
	Role        Role     // at the login
	Groups      []string // likewise
	Address     string
	Agent       string
}

func newLogins(d *Dashboard, cookies Sessions, cookie string) (*logins, error) {
	store, err := session.New(d.cfg.Redis, session.Config{
		Idle: min(sessionIdle, cookies.life()), Absolute: cookies.life(), Now: d.cfg.Now,
		Report: func(err error) { d.cfg.Logger.Warn("a session was refused", "error", err) },
	})
	if err != nil {
		return nil, err
	}
	return &logins{
		store: store, owner: "monitor:" + cmp.Or(d.cfg.Namespace, queue.DefaultNamespace) + ":" + cookie + ":",
		cookie: cookie, cookies: d.named(cookies), address: d.cfg.ClientIP, log: d.cfg.Logger, d: d,
		remembered: map[string]remembered{},
	}, nil
}

// begin starts a session, under an ID that nobody has seen, and ends the one that the browser had.
func (l *logins) begin(w http.ResponseWriter, r *http.Request, in login) error {
	if had, ok := l.cookies.get(r, l.cookie); ok {
		if err := l.end(r.Context(), had.Text); err != nil {
			return err
		}
	}
	in.user, in.Address, in.Agent = l.owner+in.Name, l.address(r), r.UserAgent()
	in.Agent = strings.ToValidUTF8(in.Agent[:min(len(in.Agent), agentBytes)], "")
	made, err := l.store.Create(r.Context(), in.user, in.metadata())
	if err != nil {
		return err
	}
	l.endOldest(r.Context(), in.user)
	l.cookies.set(w, l.cookie, cookiePayload{Text: made.ID}, l.cookies.life())
	l.d.record(r.Context(), audit.Entry{
		Who: in.Name, What: "login", Target: in.Name, Detail: in.Role.String() + in.how, Address: in.Address,
	})
	return nil
}

// endOldest keeps the number of a person's sessions within bounds.
func (l *logins) endOldest(ctx context.Context, user string) {
	all, err := l.store.ListByUser(ctx, user)
	for len(all) > sessionsMost && err == nil {
		err = l.end(ctx, all[len(all)-1].ID)
		all = all[:len(all)-1]
	}
	if err != nil {
		l.log.Warn("cannot end the oldest session", "error", err)
	}
}

// of returns the session of a request, if it has one that has not ended.
func (l *logins) of(r *http.Request) (*login, bool) {
	sent, ok := l.cookies.get(r, l.cookie)
	if !ok || sent.Text == "" {
		return nil, false
	}
	found, err := l.store.Get(r.Context(), sent.Text)
	switch {
	case err == nil:
	case redisx.IsAway(err) && r.Context().Err() == nil:
		return l.recall(sent.Text)
	default:
		if !errors.Is(err, session.ErrNotFound) {
			l.log.Warn("cannot read a session", "error", err)
		}
		l.forget(sent.Text)
		return nil, false
	}
	if !strings.HasPrefix(found.UserID, l.owner) { // of another program, whatever its cookie says
		return nil, false
	}
	in := loginOf(found)
	in.logins = l
	l.remember(r, in)
	return in, true
}

// remember keeps the session for a time without Redis, and prolongs it if a person has asked for something.
func (l *logins) remember(r *http.Request, in *login) {
	now := time.Now()
	l.mu.Lock()
	had := l.remembered[in.id]
	kept := remembered{login: in, at: now, prolonged: had.prolonged}
	due := !byItself(r) && now.Sub(had.prolonged) > prolongAfter
	if due {
		kept.prolonged = now
	}
	l.remembered[in.id] = kept
	if len(l.remembered) > rememberMost {
		l.forgetOldest()
	}
	l.mu.Unlock()
	if !due {
		return
	}
	if err := l.store.Refresh(r.Context(), in.id); err != nil && !errors.Is(err, session.ErrNotFound) {
		l.log.Warn("cannot prolong a session", "error", err)
	}
}

// byItself reports whether a page has sent the request without its reader.
func byItself(r *http.Request) bool { return r.Header.Get("X-Live") != "" || r.URL.Path == "/live" }

func (l *logins) forgetOldest() {
	oldest, at := "", time.Time{}
	for id, other := range l.remembered {
		if oldest == "" || other.at.Before(at) {
			oldest, at = id, other.at
		}
	}
	delete(l.remembered, oldest)
}

// recall returns a session while Redis does not answer: the last picture is shown to those that were logged in.
func (l *logins) recall(id string) (*login, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.remembered[id]
	if !ok || time.Since(known.at) > sessionIdle || time.Since(known.login.begun) > l.cookies.life() {
		return nil, false
	}
	in := *known.login
	in.recalled = true
	return &in, true
}

// bounded returns a role, or that of a viewer while Redis does not say whether the session goes on.
func (in *login) bounded(role Role) Role {
	if in.recalled {
		return min(role, Viewer)
	}
	return role
}

func (l *logins) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.remembered, id)
}

// forgetUser forgets all sessions of a person.
func (l *logins) forgetUser(user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.remembered, func(_ string, known remembered) bool { return known.login.user == user })
}

func (l *logins) end(ctx context.Context, id string) error {
	l.forget(id)
	return l.store.Destroy(ctx, id)
}

// void ends a session that counts no longer, such as after a change of the password.
func (l *logins) void(r *http.Request, in *login) {
	if err := l.end(r.Context(), in.id); err != nil {
		l.log.Warn("cannot end a session", "error", err)
		return
	}
	l.d.record(r.Context(), audit.Entry{
		Who: in.Name, What: "session.void", Target: in.Name, Address: l.address(r),
		Detail: "its password, second factor, role or provider has changed",
	})
}

// logout ends the session of a request, and removes its cookie.
func (l *logins) logout(w http.ResponseWriter, r *http.Request) error {
	sent, ok := l.cookies.get(r, l.cookie)
	l.cookies.clear(w, l.cookie)
	if !ok {
		return nil
	}
	in, known := l.of(r)
	if err := l.end(r.Context(), sent.Text); err != nil {
		return err
	}
	if known {
		l.d.record(r.Context(), audit.Entry{Who: in.Name, What: "logout", Target: in.Name, Address: l.address(r)})
	}
	return nil
}

func (in *login) metadata() map[string]any {
	return map[string]any{
		"name": in.Name, "proof": in.Proof, "role": in.Role.String(), "groups": in.Groups,
		"address": in.Address, "agent": in.Agent,
	}
}

func loginOf(s *session.Session) *login {
	text := func(name string) string { t, _ := s.Metadata[name].(string); return t }
	in := &login{
		id: s.ID, user: s.UserID, begun: s.CreatedAt,
		Name: text("name"), Proof: text("proof"), Address: text("address"), Agent: text("agent"),
	}
	in.Role, _ = ParseRole(text("role"))
	groups, _ := s.Metadata["groups"].([]any)
	for _, one := range groups {
		if group, ok := one.(string); ok {
			in.Groups = append(in.Groups, group)
		}
	}
	return in
}
