package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/navvy-go/navvy/internal/visible"
)

const (
	formBytes  = 256 << 10
	noticeLife = time.Minute
	noticeMost = 2800 // bytes: signed and in base64, below a browser's 4096 for a cookie (RFC 6265, section 6.1)
)

var entryID = regexp.MustCompile(`^\d{1,20}-\d{1,20}$`)

// Notice says what came of an action. It is shown once, on the page that the action leads to.
type Notice struct {
	Text string `json:"text"`
	Bad  bool   `json:"bad,omitempty"` // nothing was done
	Undo *Undo  `json:"undo,omitempty"`

	Operation string `json:"operation,omitempty"` // the ID of what is still under way
}

// Undo is the form that takes an action back.
type Undo struct {
	Action string            `json:"action"` // the address to post to, under the prefix
	Fields map[string]string `json:"fields"`
}

// short cuts the text if a cookie could not hold it.
func (n Notice) short() Notice {
	for text := []rune(n.Text); len(encode(encode(n))) > noticeMost && len(text) > 0; n.Text = string(text) + " …" {
		text = text[:len(text)*3/4]
	}
	return n
}

// action adds an address that operators post to, for browsers and under /api/v1.
func (d *Dashboard) action(mux *http.ServeMux, path string, do Action) {
	handler := d.operator(func(w http.ResponseWriter, r *http.Request) {
		result, err := do(&Form{User: userOf(r.Context()), request: r, d: d})
		d.cache.expire()
		if err != nil {
			d.refused(w, r, err)
			return
		}
		d.done(w, r, http.StatusOK, result)
	})
	mux.Handle("POST "+path, handler)
	mux.Handle("POST "+apiPath+path, handler)
}

// done answers an action: a program gets the notice as JSON, a person goes back to the page they came from.
func (d *Dashboard) done(w http.ResponseWriter, r *http.Request, status int, result Notice) {
	if !wantsHTML(r) {
		writeJSON(w, status, result)
		return
	}
	d.leave(w, result)
	http.Redirect(w, r, local(r.PostFormValue("back"), d.cfg.Prefix), http.StatusSeeOther)
}

// leave keeps a notice for the next page.
func (d *Dashboard) leave(w http.ResponseWriter, result Notice) {
	d.notices.set(w, "notice", cookiePayload{Text: encode(result.short())}, noticeLife)
}

// refused says why an action was not done, or asks for the confirmation that it needs.
func (d *Dashboard) refused(w http.ResponseWriter, r *http.Request, err error) {
	if asked, ok := asConfirmation(err); ok && wantsHTML(r) {
		d.askFor(w, r, asked)
		return
	}
	status := statusOf(err)
	if status >= http.StatusInternalServerError {
		d.cfg.Logger.Warn("an action failed", "address", r.URL.Path, "error", err)
	}
	if !wantsHTML(r) {
		refuseWith(w, r, status, "Not done: "+shownText(err))
		return
	}
	d.done(w, r, status, Notice{Text: "Not done: " + shownText(err), Bad: true})
}

// confirmation is the error of an action that must be confirmed first: a page asks for it.
type confirmation struct {
	Title  string // what will happen
	Says   string // how much it concerns
	Word   string // to be typed; empty if a button is enough
	Button string
	Path   string
	Fields [][2]string
	Back   string
}

func (c *confirmation) Error() string {
	if c.Word == "" {
		return "this needs a confirmation: confirm=yes. " + c.Says
	}
	return fmt.Sprintf("this needs a confirmation: confirm=%s. %s", c.Word, c.Says)
}

func asConfirmation(err error) (*confirmation, bool) {
	var asked *confirmation
	ok := errors.As(err, &asked)
	return asked, ok
}

// confirmed returns nil if the form carries the word, and else the error that has a page ask for it.
func (f *Form) confirmed(c confirmation) error {
	if given := f.Value("confirm"); given == c.Word && c.Word != "" || c.Word == "" && given == "yes" {
		return nil
	}
	c.Path, c.Back = strings.TrimPrefix(f.request.URL.Path, apiPath), f.Value("back")
	for name, values := range f.request.PostForm {
		for _, value := range values {
			if name != "csrf" && name != "confirm" && name != "back" {
				c.Fields = append(c.Fields, [2]string{name, value})
			}
		}
	}
	return &c
}

// askFor shows the page that asks for a confirmation.
func (d *Dashboard) askFor(w http.ResponseWriter, r *http.Request, c *confirmation) {
	out := d.pageData(r, page{title: c.Title})
	out.Body = c
	d.render(w, http.StatusOK, "confirm", out)
}

// wantsHTML reports whether a request is a browser's form and not a program's.
func wantsHTML(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(visible.JSONTo(w)).Encode(value)
}

func encode(value any) string {
	body, _ := json.Marshal(value) // of texts only
	return string(body)
}

// notice returns what the action before has left to be shown, once.
func (d *Dashboard) notice(w http.ResponseWriter, r *http.Request) *Notice {
	if r.Header.Get("X-Live") != "" {
		return nil
	}
	kept, ok := d.notices.get(r, "notice")
	if !ok {
		return nil
	}
	d.notices.clear(w, "notice")
	var result Notice
	if json.Unmarshal([]byte(kept.Text), &result) != nil {
		return nil
	}
	return &result
}
