package dashboard

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

// csrfToken is what a form of the user's pages must carry. It is bound to the user, and to this process.
func (d *Dashboard) csrfToken(user User) string {
	mac := hmac.New(sha256.New, d.sealing)
	mac.Write([]byte(user.Name))
	return hex.EncodeToString(mac.Sum(nil))
}

// operator lets in whom Auth knows as an operator, if the request comes from one of their pages.
func (d *Dashboard) operator(next http.HandlerFunc) http.Handler {
	return d.viewer(func(w http.ResponseWriter, r *http.Request) {
		user := userOf(r.Context())
		r.Body = http.MaxBytesReader(w, r.Body, formBytes)
		switch {
		case user.Role < Operator:
			http.Error(w, "only an operator may do this", http.StatusForbidden)
		case !user.Bearer && !hmac.Equal([]byte(r.PostFormValue("csrf")), []byte(d.csrfToken(user))):
			http.Error(w, "this form is not from a page of this monitor, or the monitor has restarted since: go back and reload",
				http.StatusForbidden)
		default:
			next(w, r)
		}
	})
}

// orRandom returns the key, or a random one where there is none.
func orRandom(key []byte) []byte {
	if len(key) > 0 {
		return key
	}
	random := make([]byte, sha256.Size)
	_, _ = rand.Read(random) // never fails
	return random
}
