package dashboard

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// DefaultSession is how long a login lasts.
const DefaultSession = 12 * time.Hour

// Sessions keep a login in a signed cookie. They need no store: a browser that has the cookie is logged in until it
// expires.
type Sessions struct {
	Key    []byte        // signs the cookies; 32 bytes at the least
	For    time.Duration // defaults to DefaultSession
	Secure bool          // browsers reach the monitor by https; false is for loopback alone

	of string // begins the names of cookies, after what begins all
}

func (s Sessions) validate() error {
	if len(s.Key) < 32 {
		return errors.New("dashboard: the key that signs sessions needs 32 bytes at the least")
	}
	return nil
}

// cookiePayload is what a cookie holds.
type cookiePayload struct {
	Purpose string `json:"p"` // a cookie made for one thing is worth nothing for another
	Name    string `json:"n,omitempty"`
	Role    Role   `json:"r,omitempty"`
	Expires int64  `json:"e"`
	State   string `json:"s,omitempty"` // of a login that is under way elsewhere
	Nonce   string `json:"c,omitempty"`
	Proof   string `json:"v,omitempty"`
	Next    string `json:"x,omitempty"` // where a login leads
	Text    string `json:"t,omitempty"`
}

func (s Sessions) life() time.Duration {
	if s.For <= 0 {
		return DefaultSession
	}
	return s.For
}

// cookie names a cookie. The prefix makes browsers refuse it from other hosts and over plain http
// (draft-ietf-httpbis-rfc6265bis, section 4.1.3).
func (s Sessions) cookie(name string) string {
	if s.Secure {
		return "__Host-navvy-" + s.of + name
	}
	return "navvy-" + s.of + name
}

// named gives the cookies names of their own where other dashboards are served at the same host: a browser
// distinguishes those of __Host- by nothing else.
func (d *Dashboard) named(s Sessions) Sessions {
	if d.cfg.Tenant {
		s.of = d.cfg.Namespace + "-"
	}
	return s
}

func (s Sessions) set(w http.ResponseWriter, name string, content cookiePayload, life time.Duration) {
	content.Purpose, content.Expires = name, time.Now().Add(life).Unix()
	body, _ := json.Marshal(content) // of texts and numbers only
	text := base64.RawURLEncoding.EncodeToString(body)
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie(name), Value: text + "." + s.sign(text), Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode,
	})
}

func (s Sessions) get(r *http.Request, name string) (cookiePayload, bool) {
	cookie, err := r.Cookie(s.cookie(name))
	if err != nil {
		return cookiePayload{}, false
	}
	text, signature, _ := strings.Cut(cookie.Value, ".")
	if !hmac.Equal([]byte(signature), []byte(s.sign(text))) {
		return cookiePayload{}, false
	}
	body, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return cookiePayload{}, false
	}
	var content cookiePayload
	if json.Unmarshal(body, &content) != nil || content.Purpose != name || time.Now().Unix() >= content.Expires {
		return cookiePayload{}, false
	}
	return content, true
}

func (s Sessions) clear(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie(name), Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode,
	})
}

func (s Sessions) sign(text string) string {
	mac := hmac.New(sha256.New, s.Key)
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

const nextBytes = 1500 // an address is part of a cookie, and of another address

// local returns where to go after a login: an address of this dashboard, whatever the request says.
func local(next, prefix string) string {
	if len(next) > nextBytes || !strings.HasPrefix(next, prefix+"/") || strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\r\n\t") {
		return prefix + "/"
	}
	return next
}
