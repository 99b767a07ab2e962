package gateway_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
)

const (
	issuer   = "https://id.example.com"
	audience = "navvy"
)

var secret = []byte("a secret of thirty-two characters")

// claimed makes a token that is right but for what is changed.
func claimed(t *testing.T, method jwt.SigningMethod, key any, kid string, changes jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{
		"iss": issuer, "aud": audience, "sub": "shop", "scope": "openid jobs:write flags:read", "exp": time.Now().Add(
			time.Minute).Unix(),
	}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// identify returns what an Auth makes of a token: the caller's name, or "".
func identify(t *testing.T, auth gateway.Auth, token string) gateway.Caller {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	caller, err := auth.Identify(r)
	if err != nil && caller.Name != "" {
		t.Errorf("%+v with %v", caller, err)
	}
	return caller
}

func publicPEM(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func newJWT(t *testing.T, cfg gateway.JWTConfig) *gateway.JWT {
	t.Helper()
	cfg.Issuer, cfg.Audience = issuer, audience
	auth, err := gateway.NewJWT(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return auth
}

func TestTokensAreChecked(t *testing.T) {
	t.Parallel()
	auth := newJWT(t, gateway.JWTConfig{Secret: secret})
	hs := jwt.SigningMethodHS256
	for name, changes := range map[string]jwt.MapClaims{
		"good": {}, "good, limits": {"scope": "jobs:write:orders/mail.* jobs:read:*/mail.send jobs:write:* jobs:read:a/b/c"},
		"good, a list": {"scope": nil,
			"scp": []string{"jobs:write", "flags:read", "x"}}, "good, one of two audiences": {"aud": []string{"a", audience}},
		"good, a clock that is 20 s off": {"exp": time.Now().Add(-20 * time.Second).Unix()},
		"ended":                          {"exp": time.Now().Add(-time.Minute).Unix()}, "without an end": {"exp": nil},
		"not yet": {"nbf": time.Now().Add(time.Minute).Unix()}, "of another issuer": {"iss": "https://evil.example"},
		"without an issuer": {"iss": nil},
		"for another":       {"aud": "billing"}, "for nobody": {"aud": nil}, "of nobody": {"sub": ""},
		"of somebody long": {"sub": strings.Repeat("s", 201)},
		"good, for a day":  {"exp": time.Now().Add(24 * time.Hour).Unix()},
		"for two days":     {"exp": time.Now().Add(48 * time.Hour).Unix()},
		"for ever":         {"exp": 253402300799}, "for longer than there is time": {"exp": 1e300},
		"large": {"more": strings.Repeat("m", 8<<10)},
	} {
		caller := identify(t, auth, claimed(t, hs, secret, "", changes))
		if good := strings.HasPrefix(name, "good"); good != (caller.Name == "jwt:shop") || good && len(caller.Scopes) != 2 {
			t.Errorf("%s: %+v", name, caller)
		}
	}
	right := claimed(t, hs, secret, "", nil)
	for name, token := range map[string]string{
		"another secret":    claimed(t, hs, []byte("another secret of 32 characters!!"), "", nil),
		"another algorithm": claimed(t, jwt.SigningMethodHS512, secret, "", nil),
		"none":              claimed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "", nil),
		"cut":               right[:len(right)-4], "two dots": "..", "an API key": "navvy_abc", "empty": "",
	} {
		if caller := identify(t, auth, token); caller.Name != "" {
			t.Errorf("%s: %+v", name, caller)
		}
	}
}

func TestTokensOfOtherPurposesAreRefused(t *testing.T) {
	t.Parallel()
	auth := newJWT(t, gateway.JWTConfig{Secret: secret})
	for name, header := range map[string]map[string]any{
		"good": {}, "good, of no type": {"typ": nil}, "good, for access": {"typ": "at+jwt"},
		"good, in full": {"typ": "application/AT+JWT"}, "good, with more": {"x5t": "a", "cty": "json"},
		"of a logout": {"typ": "logout+jwt"}, "of a proof": {"typ": "dpop+jwt"}, "of no text": {"typ": 7},
		"of an empty type": {"typ": ""}, "of a list": {"typ": []string{"JWT"}},
		"with a demand": {"crit": []string{"exp"}}, "with an unknown demand": {"crit": []string{"b64"}, "b64": false},
		"with an empty demand": {"crit": []string{}}, "with no list of demands": {"crit": "exp"}, "null": {"crit": 0},
	} {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"iss": issuer, "aud": audience, "sub": "shop", "scope": "jobs:read", "exp": time.Now().Add(time.Minute).Unix(),
		})
		maps.Copy(token.Header, header)
		if kind, given := header["typ"]; given && kind == nil {
			delete(token.Header, "typ")
		}
		text, err := token.SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		if caller := identify(t, auth, text); strings.HasPrefix(name, "good") != (caller.Name == "jwt:shop") {
			t.Errorf("%s: %+v", name, caller)
		}
	}
}

// keys makes a private key of each type, and says what it signs with.
func keys(t *testing.T) map[jwt.SigningMethod]crypto.Signer {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[jwt.SigningMethod]crypto.Signer{
		jwt.SigningMethodRS256: rsaKey, jwt.SigningMethodES256: ecKey, jwt.SigningMethodEdDSA: edKey,
	}
}

// A public key is for the one algorithm of its type: above all it is no secret for HS256.
func TestPublicKeysArePinnedToTheirAlgorithm(t *testing.T) {
	t.Parallel()
	all := keys(t)
	for method, key := range all {
		text := publicPEM(t, key.Public())
		auth := newJWT(t, gateway.JWTConfig{PEM: text})
		for signing, with := range all {
			if caller := identify(t, auth, claimed(t, signing, with, "", nil)); (caller.Name != "") != (signing == method) {
				t.Errorf("%s for a key of %s: %+v", signing.Alg(), method.Alg(), caller)
			}
		}
		if caller := identify(t, auth, claimed(t, jwt.SigningMethodHS256, text, "", nil)); caller.Name != "" {
			t.Errorf("HS256 with the public key of %s: %+v", method.Alg(), caller)
		}
	}
	if caller := identify(t, newJWT(t, gateway.JWTConfig{PEM: publicPEM(t, all[jwt.SigningMethodRS256].Public())}),
		claimed(t, jwt.SigningMethodPS256, all[jwt.SigningMethodRS256], "", nil)); caller.Name != "" {
		t.Errorf("PS256: %+v", caller)
	}
}

// keySetOf is the text of a set of some of the keys.
func keySetOf(t *testing.T, all map[jwt.SigningMethod]crypto.Signer, names map[string]jwt.SigningMethod) []byte {
	t.Helper()
	var set jose.JSONWebKeySet
	for name, method := range names {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: all[method].Public(), KeyID: name, Use: "sig"})
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestKeySetIsReadAgain(t *testing.T) {
	t.Parallel()
	all := keys(t)
	var served atomic.Value
	var reads atomic.Int64
	publish := func(names map[string]jwt.SigningMethod) { served.Store(keySetOf(t, all, names)) }
	old := map[string]jwt.SigningMethod{"old": jwt.SigningMethodES256}
	publish(old)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reads.Add(1)
		_, _ = w.Write(served.Load().([]byte))
	}))
	defer server.Close()
	set, err := gateway.NewKeySet(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	auth := newJWT(t, gateway.JWTConfig{Set: set})
	knows := func(kid string, method jwt.SigningMethod) bool {
		return identify(t, auth, claimed(t, method, all[method], kid, nil)).Name != ""
	}
	if !knows("old", jwt.SigningMethodES256) || !knows("", jwt.SigningMethodES256) ||
		knows("old", jwt.SigningMethodRS256) || knows("new", jwt.SigningMethodRS256) {
		t.Error("the first set")
	}
	both := maps.Clone(old)
	both["new"] = jwt.SigningMethodRS256
	publish(both)
	for range 100 {
		if knows("new", jwt.SigningMethodRS256) {
			t.Fatal("the set was read again at once")
		}
	}
	set.Age(time.Minute)
	if !knows("new", jwt.SigningMethodRS256) || knows("", jwt.SigningMethodES256) || reads.Load() != 2 {
		t.Errorf("the second set: %d reads", reads.Load())
	}
	delete(both, "old")
	publish(both)
	set.Age(time.Hour)
	if knows("old", jwt.SigningMethodES256) {
		t.Error("a key that was withdrawn is taken")
	}
	served.Store([]byte("down for maintenance"))
	set.Age(time.Hour)
	if !knows("new", jwt.SigningMethodRS256) {
		t.Error("keys were lost with a failure of the issuer")
	}
	server.CloseClientConnections()
	http.DefaultClient.CloseIdleConnections()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestTokensAreConfiguredRight(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err == nil {
		if _, err := gateway.NewJWT(gateway.JWTConfig{Issuer: issuer, Audience: audience,
			PEM: publicPEM(t, weak.Public())}); err == nil {
			t.Error("a weak RSA key: accepted")
		}
	}
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]gateway.JWTConfig{
		"no issuer": {Audience: audience, Secret: secret}, "no audience": {Issuer: issuer,
			Secret: secret}, "no key": {Issuer: issuer, Audience: audience},
		"two keys": {Issuer: issuer, Audience: audience, Secret: secret, PEM: []byte("x")}, "a short secret": {Issuer: issuer,
			Audience: audience, Secret: secret[:31]},
		"no PEM": {Issuer: issuer, Audience: audience, PEM: []byte("x")}, "another curve": {Issuer: issuer,
			Audience: audience, PEM: publicPEM(t, curve.Public())},
	} {
		if _, err := gateway.NewJWT(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, where := range []string{"http://id.example.com/keys", "/nowhere", "jwt_test.go", "http://127.0.0.1:1/"} {
		if _, err := gateway.NewKeySet(t.Context(), where); err == nil {
			t.Errorf("%s: accepted", where)
		}
	}
}

// Keys and tokens beside each other, through the gateway.
func TestKeysAndTokens(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) {
		c.Auth = gateway.AnyOf{c.Auth, newJWT(t, gateway.JWTConfig{Secret: secret})}
	})
	one := right[0]
	a.gets(202, one)
	one.anonymous = true
	a.gets(202, one.with("Authorization", "Bearer "+a.key))
	a.gets(202, one.with("Authorization", "Bearer "+claimed(t, jwt.SigningMethodHS256, secret, "", nil)))
	a.fails(401, "unauthorized",
		one.with("Authorization", "Bearer "+claimed(t, jwt.SigningMethodHS256, secret, "", jwt.MapClaims{"exp": 1})))
	a.fails(403, "forbidden",
		one.with("Authorization",
			"Bearer "+claimed(t, jwt.SigningMethodHS256, secret, "", jwt.MapClaims{"scope": "jobs:read"})))
	a.fails(401, "unauthorized", one)
}
