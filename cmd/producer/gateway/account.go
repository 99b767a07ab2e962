package gateway

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/navvy-go/navvy/internal/loginguard"
	"github.com/navvy-go/navvy/jobs/notify"
	"github.com/navvy-go/navvy/jobs/session"
)

// loginBytes bounds the body of a login: anybody can send one.
const loginBytes = 4 << 10

// proofField is where a session has what it stands and falls with: another password is another proof.
const proofField = "proof"

// login begins a session.
func (g *Gateway) login(w http.ResponseWriter, r *http.Request) error {
	var asked struct {
		User     string `json:"user"`
		Password string `json:"password"`
	}
	r.Body = http.MaxBytesReader(w, r.Body, loginBytes)
	if err := g.decode(w, r, &asked); err != nil {
		return err
	}
	proof, second := "", false
	ok, err := g.logins.Try(r.Context(), asked.User, g.cfg.ClientIP(r), func() (ok bool) {
		proof, ok = g.cfg.Users.Is(asked.User, asked.Password)
		second = ok && g.cfg.Users.HasSecondFactor(asked.User)
		return ok && !second
	})
	switch {
	case err != nil:
		g.noteLogin(r, slog.LevelWarn, "login refused", asked.User)
		return refusedLogin(err)
	case second:
		g.noteLogin(r, slog.LevelWarn, "login without the second factor refused", asked.User)
		return forbidden.because("This user has a second factor, which only the monitor asks for: a password alone does " +
			"not let them in here.")
	case !ok:
		g.noteLogin(r, slog.LevelWarn, "login failed", asked.User)
		return unauthorized.because("The user or the password is wrong.")
	}
	current := session.FromContext(r.Context())
	if err := errors.Join(current.Login(asked.User), current.Set(proofField, proof)); err != nil {
		return err
	}
	g.noteLogin(r, slog.LevelInfo, "login", asked.User)
	writeJSON(w, r, http.StatusOK, map[string]string{"user": asked.User})
	return nil
}

// noteLogin logs what came of a login, or that a person has logged out. A name that nobody has may be a password that
// was typed in the wrong place.
func (g *Gateway) noteLogin(r *http.Request, level slog.Level, what, user string) {
	if _, known := g.cfg.Users.Proof(user); !known {
		user = ""
	}
	g.cfg.Logger.Log(r.Context(), level, what, "user", user, "remote", g.cfg.ClientIP(r), "request_id",
		exchangeOf(r.Context()).id)
}

// refusedLogin is the problem of an attempt whose password was not compared.
func refusedLogin(err error) error {
	var refused *loginguard.Refused
	if !errors.As(err, &refused) {
		return err
	}
	seconds := int(math.Ceil(refused.After.Seconds()))
	cause := rateLimited
	if refused.Busy {
		cause = overloaded
	}
	cause.retryAfter = seconds
	return cause.because("Wait %d s.", seconds)
}

// logout ends the session.
func (g *Gateway) logout(w http.ResponseWriter, r *http.Request) error {
	current := session.FromContext(r.Context())
	user, err := current.UserID(r.Context())
	if err != nil {
		return err
	}
	if err := current.Logout(); err != nil {
		return err
	}
	if user != "" {
		g.noteLogin(r, slog.LevelInfo, "logout", user)
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
	g.noteLogin(r, slog.LevelInfo, "logout everywhere", user)
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
	current := session.FromContext(r.Context())
	user, err := current.UserID(r.Context())
	if err != nil {
		return "", err
	}
	kept, err := current.Get(r.Context(), proofField)
	if err != nil {
		return "", err
	}
	if proof, ok := g.cfg.Users.Proof(user); user == "" || !ok || kept != proof {
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
			g.endWith(ctx, end, current)
		}()
		defer func() { <-watched }()
		defer end()
		events.ServeHTTP(w, r.WithContext(ctx))
		return nil
	})
}

// endWith calls end when the session is no more. While Redis is away nobody knows, and the stream is silent anyhow.
func (g *Gateway) endWith(ctx context.Context, end func(), current *session.Session) {
	tick := time.NewTicker(streamCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_, err := g.sessions.Get(ctx, current.ID)
		proof, ok := g.cfg.Users.Proof(current.UserID)
		if errors.Is(err, session.ErrNotFound) || !ok || current.Metadata[proofField] != proof {
			end()
			return
		}
	}
}
