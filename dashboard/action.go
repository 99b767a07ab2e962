package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

const (
	formBytes  = 256 << 10
	noticeLife = time.Minute
	noticeMost = 2800 // bytes: signed and in base64, a browser's 4096 for a cookie (RFC 6265, section 6.1) are not reached
)

var entryID = regexp.MustCompile(`^\d{1,20}-\d{1,20}$`)

// notice is told once, on the page that an action leads to.
type notice struct {
	Text string `json:"text"`
	Bad  bool   `json:"bad,omitempty"` // it could not be done
	Undo *undo  `json:"undo,omitempty"`

	Operation string `json:"operation,omitempty"` // the ID of what goes on
}

// short cuts the text where a cookie could not hold it.
func (n notice) short() notice {
	for text := []rune(n.Text); len(encode(encode(n))) > noticeMost && len(text) > 0; n.Text = string(text) + " …" {
		text = text[:len(text)*3/4]
	}
	return n
}

// undo is the form that takes an action back.
type undo struct {
	Action string            `json:"action"` // the address to post to
	Fields map[string]string `json:"fields"`
}

// action adds an address that an operator's form is posted to. do returns what to tell, or why nothing was done.
func (d *Dashboard) action(mux *http.ServeMux, path string, do func(r *http.Request, user User) (notice, error)) {
	handler := d.operator(func(w http.ResponseWriter, r *http.Request) {
		told, err := do(r, userOf(r.Context()))
		d.views.forget()
		if err != nil {
			d.refused(w, r, err)
			return
		}
		d.done(w, r, http.StatusOK, told)
	})
	mux.Handle("POST "+path, handler)
	mux.Handle("POST "+apiPath+path, handler)
}

// done tells what was done: a program gets it as JSON, a person goes back to the page they came from.
func (d *Dashboard) done(w http.ResponseWriter, r *http.Request, status int, told notice) {
	if !wantsHTML(r) {
		writeJSON(w, status, told)
		return
	}
	d.notices.set(w, "notice", sealed{Text: encode(told.short())}, noticeLife)
	http.Redirect(w, r, local(r.PostFormValue("back"), d.cfg.Prefix), http.StatusSeeOther)
}

// refused tells why an action was not done, or asks for the confirmation that it needs.
func (d *Dashboard) refused(w http.ResponseWriter, r *http.Request, err error) {
	if ask, ok := asAsk(err); ok && wantsHTML(r) {
		d.ask(w, r, ask)
		return
	}
	status := statusOf(err)
	if status >= http.StatusInternalServerError {
		d.cfg.Log.Warn().Err(err).Str("address", r.URL.Path).Msg("an action failed")
	}
	d.done(w, r, status, notice{Text: "Not done: " + err.Error(), Bad: true})
}

// ask is the error of an action that must be confirmed first: a page asks for it.
type ask struct {
	Title  string // what will happen
	Says   string // how much it concerns
	Word   string // to be typed; empty where a button is enough
	Button string
	Path   string
	Fields [][2]string
	Back   string
}

func (a *ask) Error() string {
	if a.Word == "" {
		return "this needs a confirmation: confirm=yes. " + a.Says
	}
	return fmt.Sprintf("this needs a confirmation: confirm=%s. %s", a.Word, a.Says)
}

func asAsk(err error) (*ask, bool) {
	var asked *ask
	ok := errors.As(err, &asked)
	return asked, ok
}

// confirmed tells whether a form carries the word, or returns the error that makes a page ask for it.
func confirmed(r *http.Request, a ask) error {
	if given := r.PostFormValue("confirm"); given == a.Word && a.Word != "" || a.Word == "" && given == "yes" {
		return nil
	}
	a.Path, a.Back = strings.TrimPrefix(r.URL.Path, apiPath), r.PostFormValue("back")
	for name, values := range r.PostForm {
		for _, value := range values {
			if name != "csrf" && name != "confirm" && name != "back" {
				a.Fields = append(a.Fields, [2]string{name, value})
			}
		}
	}
	return &a
}

func (d *Dashboard) ask(w http.ResponseWriter, r *http.Request, a *ask) {
	out := d.sheet(r, page{section: "", title: a.Title})
	out.Body = a
	d.render(w, http.StatusOK, "confirm", out)
}

// wantsHTML tells a form of a browser from a program's request.
func wantsHTML(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

func encode(value any) string {
	body, _ := json.Marshal(value) // of texts only
	return string(body)
}

// notice returns what the action before has left to tell, once.
func (d *Dashboard) notice(w http.ResponseWriter, r *http.Request) *notice {
	if r.Header.Get("X-Live") != "" {
		return nil
	}
	kept, ok := d.notices.get(r, "notice")
	if !ok {
		return nil
	}
	d.notices.clear(w, "notice")
	var told notice
	if json.Unmarshal([]byte(kept.Text), &told) != nil {
		return nil
	}
	return &told
}
