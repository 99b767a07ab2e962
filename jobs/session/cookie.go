package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// CookieName is the cookie's name. By its prefix browsers take it only with Secure, with Path=/ and without a Domain,
// so a sister domain cannot plant one (draft-ietf-httpbis-rfc6265bis, section 4.1.3.2).
const CookieName = "__Host-session"

// MinKey is the length of the shortest signing key, in bytes: that of the hash (RFC 2104, section 3).
const MinKey = sha256.Size

// maxCookie is longer than any cookie of ours.
const maxCookie = maxID + 1 + 43

// signer signs IDs with its first key, and takes what any of its keys has signed.
type signer struct{ keys [][]byte }

func newSigner(keys [][]byte) (signer, error) {
	if len(keys) == 0 {
		return signer{}, fmt.Errorf("session: %w: no key to sign cookies with", ErrInvalid)
	}
	for i, key := range keys {
		if len(key) < MinKey {
			return signer{}, fmt.Errorf("session: %w: key %d has %d bytes, at least %d", ErrInvalid, i+1, len(key), MinKey)
		}
	}
	return signer{keys: slices.Clone(keys)}, nil
}

func mac(key []byte, id string) []byte {
	hash := hmac.New(sha256.New, key)
	_, _ = hash.Write([]byte(CookieName + "=" + id))
	return hash.Sum(nil)
}

func (s signer) sign(id string) string {
	return id + "." + base64.RawURLEncoding.EncodeToString(mac(s.keys[0], id))
}

// verify returns the ID of a cookie, and whether it was signed with a key that is not the first any more.
func (s signer) verify(value string) (id string, old, ok bool) {
	id, signature, found := strings.Cut(value, ".")
	if !found || len(value) > maxCookie || !validID(id) {
		return "", false, false
	}
	given, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil {
		return "", false, false
	}
	for i, key := range s.keys {
		if hmac.Equal(given, mac(key, id)) {
			return id, i > 0, true
		}
	}
	return "", false, false
}

func newCookie(value string, lives time.Duration) *http.Cookie {
	cookie := &http.Cookie{
		Name: CookieName, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(lives / time.Second),
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	return cookie
}
