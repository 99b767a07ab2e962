package dashboard

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

// sameOrigin refuses with 403 what another site's page has a browser send: every request but a GET, HEAD or OPTIONS
// whose Sec-Fetch-Site or Origin header names another site. What it cannot judge needs a [Dashboard.csrfToken].
func (d *Dashboard) sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.denied(r, "", "form.foreign", cut(r.Header.Get("Origin")))
		refuseWith(w, r, http.StatusForbidden, "this form is not from a page of this monitor")
	}))
	return protection.Handler(next)
}

// csrfToken is what a form of the user's pages carries. It counts for browsers from before 2023 and over plain HTTP:
// without Sec-Fetch-Site, a request that has no Origin, or that of the same host by HTTP instead of HTTPS, could be
// another site's. It is bound to the user, and to the key.
func (d *Dashboard) csrfToken(user User) string {
	mac := hmac.New(sha256.New, d.csrfKey)
	mac.Write([]byte(user.Name))
	return hex.EncodeToString(mac.Sum(nil))
}

// operator lets in operators, if the request comes from one of their pages.
func (d *Dashboard) operator(next http.HandlerFunc) http.Handler {
	return d.viewer(func(w http.ResponseWriter, r *http.Request) {
		user := userOf(r.Context())
		r.Body = http.MaxBytesReader(w, r.Body, formBytes)
		judged := user.Bearer || r.Header.Get("Sec-Fetch-Site") != ""
		switch {
		case user.Role < Operator:
			d.denied(r, user.Name, "role.refused", "a "+user.Role.String())
			refuseWith(w, r, http.StatusForbidden, "only an operator may do this")
		case !judged && !hmac.Equal([]byte(r.PostFormValue("csrf")), []byte(d.csrfToken(user))):
			d.denied(r, user.Name, "form.refused", "")
			refuseWith(w, r, http.StatusForbidden, "this form is not from a page of this monitor, or the monitor has "+
				"restarted since: go back and reload")
		default:
			next(w, r)
		}
	})
}

// keyFor derives the key of one purpose (HKDF, RFC 5869): what is signed for one is worth nothing for another.
func keyFor(purpose string, key []byte) ([]byte, error) {
	return hkdf.Key(sha256.New, key, nil, "navvy dashboard "+purpose, sha256.Size)
}

// orRandom returns the key, or a random one if there is none.
func orRandom(key []byte) []byte {
	if len(key) > 0 {
		return key
	}
	random := make([]byte, sha256.Size)
	_, _ = rand.Read(random) // never fails
	return random
}
