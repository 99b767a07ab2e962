package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/navvy-go/navvy/jobs/notify"
	"github.com/navvy-go/navvy/jobs/session"
)

// login begins a session.
func (g *Gateway) login(w http.ResponseWriter, r *http.Request) error {
	var asked struct {
		User     string `json:"user"`
		Password string `json:"password"`
	}
	if err := g.decode(w, r, &asked); err != nil {
		return err
	}
	if !g.cfg.Users.Is(asked.User, asked.Password) {
		return unauthorized.because("The user or the password is wrong.")
	}
	if err := session.FromContext(r.Context()).Login(asked.User); err != nil {
		return err
	}
	writeJSON(w, r, http.StatusOK, map[string]string{"user": asked.User})
	return nil
}

// logout ends the session.
func (g *Gateway) logout(w http.ResponseWriter, r *http.Request) error {
	if err := session.FromContext(r.Context()).Logout(); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// logoutEverywhere ends all sessions of the user, this one too.
func (g *Gateway) logoutEverywhere(w http.ResponseWriter, r *http.Request) error {
	user, err := g.user(r)
	if err != nil {
		return err
	}
	ended, err := g.sessions.RevokeUser(r.Context(), user)
	if err != nil {
		return err
	}
	if err := session.FromContext(r.Context()).Logout(); err != nil { // its cookie goes too
		return err
	}
	writeJSON(w, r, http.StatusOK, map[string]int64{"ended": ended})
	return nil
}

// session shows who is logged in, and in how many browsers.
func (g *Gateway) session(w http.ResponseWriter, r *http.Request) error {
	user, err := g.user(r)
	if err != nil {
		return err
	}
	all, err := g.sessions.ListByUser(r.Context(), user)
	if err != nil {
		return err
	}
	writeJSON(w, r, http.StatusOK, map[string]any{"user": user, "sessions": len(all)})
	return nil
}

// user returns who is logged in.
func (g *Gateway) user(r *http.Request) (string, error) {
	user, err := session.FromContext(r.Context()).UserID(r.Context())
	switch {
	case err != nil:
		return "", err
	case user == "" || !g.cfg.Users.Exists(user):
		return "", unauthorized.because("Log in first.")
	}
	return user, nil
}

// Of a stream of notifications.
const (
	streamAge   = time.Hour        // after which the browser comes back
	streamCheck = 10 * time.Second // how often it is made sure that the user is still logged in
)

type channelKey struct{}

// notifications streams the notifications of whoever is logged in, for as long as the session lives.
func (g *Gateway) notifications() http.Handler {
	channel := func(r *http.Request) (string, bool) {
		name, ok := r.Context().Value(channelKey{}).(string)
		return name, ok
	}
	events := notify.NewSSE(g.hub, channel, notify.SSEConfig{MaxAge: streamAge})
	return handler(func(w http.ResponseWriter, r *http.Request) error {
		user, err := g.user(r)
		if err != nil {
			return err
		}
		current, err := session.FromContext(r.Context()).Session(r.Context())
		if err != nil {
			return err
		}
		ctx, end := context.WithCancel(context.WithValue(r.Context(), channelKey{}, notify.UserChannel(user)))
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			g.endWith(ctx, end, user, current.ID)
		}()
		defer func() { <-watched }()
		defer end()
		events.ServeHTTP(w, r.WithContext(ctx))
		return nil
	})
}

// endWith calls end when the session is no more. While Redis is away nobody knows, and the stream is silent anyhow.
func (g *Gateway) endWith(ctx context.Context, end func(), user, id string) {
	tick := time.NewTicker(streamCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := g.sessions.Get(ctx, id); errors.Is(err, session.ErrNotFound) || !g.cfg.Users.Exists(user) {
			end()
			return
		}
	}
}
