package dashboard

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/navvy-go/navvy/jobs/session"
)

// sessionList is what the page of a person's own sessions shows.
type sessionList struct {
	Sessions []ownSession `json:"sessions"`
	Form     string       `json:"-"` // the token of its forms
}

// ownSession is one of them. Its ID is a secret: the handle stands for it.
type ownSession struct {
	Handle  string    `json:"handle"`
	Begun   time.Time `json:"begun"`
	Address string    `json:"address"`
	Agent   string    `json:"agent"`
	Current bool      `json:"current"` // that of this request
}

func handleOf(id string) string {
	sum := sha256.Sum256([]byte("handle of " + id))
	return hex.EncodeToString(sum[:8])
}

// sessionRoutes adds the page of a person's own sessions, and what ends them. It is for every role, and nothing of it
// is kept for the next request, which may be another person's.
func (d *Dashboard) sessionRoutes(mux *http.ServeMux) {
	mux.Handle("GET /sessions", d.viewer(func(w http.ResponseWriter, r *http.Request) {
		list, err := d.ownSessions(r)
		out := d.pageData(r, page{section: "sessions", title: "Your sessions"})
		out.Section, out.Notice = "", d.notice(w, r)
		status := http.StatusOK
		if err != nil {
			status, out.Complaint = statusOf(err), shownText(err)
		} else {
			out.Body = list
		}
		d.render(w, status, "sessions", out)
	}))
	mux.Handle("GET "+apiPath+"/sessions", d.viewer(func(w http.ResponseWriter, r *http.Request) {
		list, err := d.ownSessions(r)
		if err != nil {
			refuseWith(w, r, statusOf(err), shownText(err))
			return
		}
		writeJSON(w, http.StatusOK, list)
	}))
	for _, path := range []string{"", apiPath} {
		mux.Handle("POST "+path+"/sessions/end", d.owner(d.endSession))
		mux.Handle("POST "+path+"/sessions/end-all", d.owner(d.endSessions))
	}
}

func (d *Dashboard) ownSessions(r *http.Request) (sessionList, error) {
	in := userOf(r.Context()).login
	if in == nil {
		return sessionList{}, NotFound("you have not logged in to the monitor itself: it has no session of yours")
	}
	all, err := in.logins.store.ListByUser(r.Context(), in.user)
	if err != nil {
		return sessionList{}, err
	}
	list := sessionList{Form: d.sessionToken(in)}
	for _, one := range all {
		list.Sessions = append(list.Sessions, ownSessionOf(one, in))
	}
	return list, nil
}

func ownSessionOf(one *session.Session, current *login) ownSession {
	other := loginOf(one)
	return ownSession{
		Handle: handleOf(one.ID), Begun: one.CreatedAt, Address: other.Address, Agent: other.Agent,
		Current: one.ID == current.id,
	}
}

// sessionToken is what the forms of that page carry. Viewers have one as well: it is for their own sessions alone.
func (d *Dashboard) sessionToken(in *login) string {
	mac := hmac.New(sha256.New, d.sessionKey)
	mac.Write([]byte("forms of the session " + in.id))
	return hex.EncodeToString(mac.Sum(nil))
}

// owner lets in who has logged in, if the request comes from the page of their sessions.
func (d *Dashboard) owner(next http.HandlerFunc) http.Handler {
	return d.viewer(func(w http.ResponseWriter, r *http.Request) {
		in := userOf(r.Context()).login
		r.Body = http.MaxBytesReader(w, r.Body, loginBytes)
		switch {
		case in == nil:
			d.denied(r, userOf(r.Context()).Name, "form.refused", "")
			refuseWith(w, r, http.StatusForbidden, "you have no session here")
		case !hmac.Equal([]byte(r.PostFormValue("csrf")), []byte(d.sessionToken(in))):
			d.denied(r, in.Name, "form.refused", "")
			refuseWith(w, r, http.StatusForbidden, "this form is not from the page of your sessions: go back and reload")
		default:
			next(w, r)
		}
	})
}

// endSession ends one of the person's own sessions.
func (d *Dashboard) endSession(w http.ResponseWriter, r *http.Request) {
	in, handle := userOf(r.Context()).login, r.PostFormValue("session")
	all, err := in.logins.store.ListByUser(r.Context(), in.user)
	ended := Notice{Text: "This session had ended before."}
	for _, one := range all {
		if err == nil && handleOf(one.ID) == handle {
			err = in.logins.end(r.Context(), one.ID)
			ended.Text = "The session has ended."
		}
	}
	if err != nil {
		refuseWith(w, r, statusOf(err), "the session cannot be ended now: "+shownText(err))
		return
	}
	d.audit(r.Context(), userOf(r.Context()), "session.end", in.Name, "session "+handle)
	d.done(w, r, http.StatusOK, ended)
}

// endSessions signs the person out everywhere, here too.
func (d *Dashboard) endSessions(w http.ResponseWriter, r *http.Request) {
	in := userOf(r.Context()).login
	_, err := in.logins.store.RevokeUser(r.Context(), in.user)
	if err == nil {
		err = in.logins.logout(w, r)
	}
	if err != nil {
		refuseWith(w, r, statusOf(err), "the sessions cannot be ended now: "+shownText(err))
		return
	}
	in.logins.forgetUser(in.user)
	d.audit(r.Context(), userOf(r.Context()), "session.end-all", in.Name, "")
	d.done(w, r, http.StatusOK, Notice{Text: "You are signed out everywhere."})
}
