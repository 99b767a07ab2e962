package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/jobs/leaderboard"
	"github.com/navvy-go/navvy/jobs/notify"
)

// decision is what a flag is for a user.
type decision struct {
	Flag    string          `json:"flag"`
	On      bool            `json:"on"`
	Reason  flags.Reason    `json:"reason"`
	Variant string          `json:"variant,omitempty"`
	Value   json.RawMessage `json:"value,omitempty"`
	Stale   bool            `json:"stale"` // the last known answer: changes may have been missed
}

// flag evaluates a flag, from the copy in this process: also while Redis is away.
func (g *Gateway) flag(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("flag")
	found := g.flags.Decide(r.Context(), name, r.URL.Query().Get("user"))
	switch {
	case found.Err != nil && errors.Is(found.Err, flags.ErrInvalid) && found.Reason == flags.Unknown:
		return found.Err
	case found.Err != nil:
		g.cfg.Logger.Warn("flag decided without all that is known of it", "flag", name, "error", found.Err)
	}
	writeJSON(w, r, http.StatusOK, decision{
		Flag: name, On: found.On, Reason: found.Reason, Variant: found.Variant, Value: found.Value, Stale: found.Stale,
	})
	return nil
}

// Sizes of what is shown of a board.
const (
	defaultRows = 10
	maxAround   = 50
)

// top shows the best of a board, or the next after the first so many.
func (g *Gateway) top(w http.ResponseWriter, r *http.Request) error {
	limit, err := number(r, "limit", defaultRows, 1, leaderboard.MaxRows)
	if err != nil {
		return err
	}
	first, err := number(r, "first", 0, 0, 1<<40)
	if err != nil {
		return err
	}
	board := g.boards.Board(r.PathValue("board"))
	entries, err := board.Page(r.Context(), first, int(limit))
	if err != nil {
		return err
	}
	members, err := board.Count(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, r, http.StatusOK, map[string]any{"board": r.PathValue("board"), "members": members,
		"entries": listed(entries)})
	return nil
}

// around shows where a member stands, with its neighbours.
func (g *Gateway) around(w http.ResponseWriter, r *http.Request) error {
	n, err := number(r, "n", 5, 0, maxAround)
	if err != nil {
		return err
	}
	board, member := g.boards.Board(r.PathValue("board")), r.PathValue("member")
	standing, err := board.Standing(r.Context(), member)
	if err != nil {
		return err
	}
	entries, err := board.Around(r.Context(), member, int(n))
	if err != nil {
		return err
	}
	writeJSON(w, r, http.StatusOK, map[string]any{"board": r.PathValue("board"), "standing": standing,
		"entries": listed(entries)})
	return nil
}

// listed is a list also where there is nothing in it.
func listed(entries []leaderboard.Entry) []leaderboard.Entry {
	if entries == nil {
		return []leaderboard.Entry{}
	}
	return entries
}

// scores changes scores, all in one step.
func (g *Gateway) scores(w http.ResponseWriter, r *http.Request) error {
	var asked struct {
		Changes []leaderboard.Change `json:"changes"`
	}
	if err := g.decode(w, r, &asked); err != nil {
		return err
	}
	if len(asked.Changes) == 0 {
		return invalid.because("changes are missing")
	}
	if err := g.charge(r, len(asked.Changes), 0); err != nil {
		return err
	}
	if err := g.boards.Board(r.PathValue("board")).Apply(r.Context(), effectID(r, 0), time.Now(),
		asked.Changes...); err != nil {
		return err
	}
	writeJSON(w, r, http.StatusOK, map[string]any{"board": r.PathValue("board"), "changed": len(asked.Changes)})
	return nil
}

// number reads a parameter of the query.
func number(r *http.Request, name string, otherwise, least, most int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil || value < least || value > most {
		return 0, invalid.because("%s of %q, want %d to %d", name, text, least, most)
	}
	return value, nil
}

// notify sends a notification to a user.
func (g *Gateway) notify(w http.ResponseWriter, r *http.Request) error {
	var asked struct {
		User  string `json:"user"`
		Type  string `json:"type"`
		Title string `json:"title"`
		Body  string `json:"body"`
	}
	if err := g.decode(w, r, &asked); err != nil {
		return err
	}
	if asked.User == "" || asked.Type == "" {
		return invalid.because("user and type are needed")
	}
	id, err := g.sender.Send(r.Context(), effectID(r, 0), notify.UserChannel(asked.User),
		notify.Notification{Type: asked.Type, Title: asked.Title, Body: asked.Body})
	if err != nil {
		return err
	}
	writeJSON(w, r, http.StatusAccepted, map[string]string{"id": id})
	return nil
}
