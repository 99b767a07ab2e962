package gateway

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/navvy-go/navvy/internal/scope"
)

const (
	secretShort = 32   // bytes at the least: those of the hash (RFC 7518, section 3.2)
	rsaShort    = 2048 // bits at the least (section 3.3)
	leeway      = 30 * time.Second
	subjectLong = 200
	tokenLong   = 8 << 10        // bytes
	endsWithin  = 24 * time.Hour // a token cannot be revoked: it ends soon instead
)

// JWTConfig says whose tokens are taken. Exactly one of Secret, PEM and Set is given; each key works with one
// algorithm, whatever a token says of itself: HS256 with a secret, else RS256, ES256 or EdDSA by the type of the key.
type JWTConfig struct {
	Issuer   string           // what iss must be. Required
	Audience string           // what aud must have. Required
	Secret   []byte           // 32 bytes or more
	PEM      []byte           // a public key, RSA of 2,048 bits or more, ECDSA on P-256, or Ed25519
	Set      *KeySet          // public keys that change
	Now      func() time.Time // defaults to time.Now
}

// JWT lets in who sends a bearer token that the issuer signed (RFC 7519): with iss, aud, exp and sub, and the scopes in
// scope, separated by spaces (RFC 9068), or in the list scp. It ends within 24 hours. Clocks may differ by 30 s.
type JWT struct {
	cfg    JWTConfig
	key    verifyKey // unless there is a set
	parser *jwt.Parser
	now    func() time.Time
}

// verifyKey is a key and the one algorithm that it is for.
type verifyKey struct {
	alg string
	key any
}

// NewJWT checks the configuration.
func NewJWT(cfg JWTConfig) (*JWT, error) {
	given := 0
	for _, one := range []bool{len(cfg.Secret) > 0, len(cfg.PEM) > 0, cfg.Set != nil} {
		if one {
			given++
		}
	}
	switch {
	case cfg.Issuer == "" || cfg.Audience == "":
		return nil, errors.New("gateway: jwt: issuer and audience are needed")
	case given != 1:
		return nil, errors.New("gateway: jwt: one of a secret, a public key and a key set is needed")
	case len(cfg.Secret) > 0 && len(cfg.Secret) < secretShort:
		return nil, fmt.Errorf("gateway: jwt: the secret needs %d bytes at the least", secretShort)
	}
	j := &JWT{cfg: cfg, key: verifyKey{jwt.SigningMethodHS256.Alg(), cfg.Secret}}
	if len(cfg.PEM) > 0 {
		var err error
		if j.key, err = parsePEM(cfg.PEM); err != nil {
			return nil, fmt.Errorf("gateway: jwt: %w", err)
		}
	}
	now := cfg.Now
	if now == nil {
		now = time.Now
	}
	j.now = now
	j.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{"HS256", "RS256", "ES256", "EdDSA"}), jwt.WithIssuer(cfg.Issuer),
		jwt.WithAudience(cfg.Audience), jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(now),
	)
	return j, nil
}

func parsePEM(text []byte) (verifyKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return verifyKey{}, errors.New("not a PEM file of a PUBLIC KEY")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return verifyKey{}, fmt.Errorf("public key: %w", err)
	}
	return keyFor(key)
}

// keyFor pins a public key to its algorithm.
//
// Why: docs/decisions/gateway.md#a-jwts-key-decides-its-algorithm
func keyFor(key crypto.PublicKey) (verifyKey, error) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < rsaShort {
			return verifyKey{}, fmt.Errorf("an RSA key of %d bits, %d are needed", key.N.BitLen(), rsaShort)
		}
		return verifyKey{jwt.SigningMethodRS256.Alg(), key}, nil
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return verifyKey{}, errors.New("an ECDSA key that is not on P-256")
		}
		return verifyKey{jwt.SigningMethodES256.Alg(), key}, nil
	case ed25519.PublicKey:
		return verifyKey{jwt.SigningMethodEdDSA.Alg(), key}, nil
	}
	return verifyKey{}, fmt.Errorf("a key of type %T, want RSA, ECDSA or Ed25519", key)
}

// claims are what a token says.
type claims struct {
	jwt.RegisteredClaims
	Scope string           `json:"scope"`
	List  jwt.ClaimStrings `json:"scp"`
}

// Identify reads the Authorization header.
func (j *JWT) Identify(r *http.Request) (Caller, error) {
	text := bearer(r)
	if strings.Count(text, ".") != 2 { // an API key, say
		return Caller{}, errNone
	}
	if len(text) > tokenLong {
		return Caller{}, fmt.Errorf("%w: a token of %d bytes", errBad, len(text))
	}
	var said claims
	_, err := j.parser.ParseWithClaims(text, &said,
		func(token *jwt.Token) (any, error) { return j.keyOf(r.Context(), token) })
	switch {
	case err != nil:
		return Caller{}, fmt.Errorf("%w: %w", errBad, err)
	case said.Subject == "" || len(said.Subject) > subjectLong:
		return Caller{}, fmt.Errorf("%w: a sub of %d bytes", errBad, len(said.Subject))
	case said.ExpiresAt.After(j.now().Add(endsWithin + leeway)):
		return Caller{}, fmt.Errorf("%w: it ends in more than %v", errBad, endsWithin)
	}
	caller := Caller{Name: "jwt:" + said.Subject}
	for _, name := range slices.Concat(strings.Fields(said.Scope), said.List) {
		if scope.Scope(name).Valid() { // others are for other services
			caller.Scopes = append(caller.Scopes, scope.Scope(name))
		}
	}
	return caller, nil
}

// accessTypes are what typ may say of a token for access (RFC 9068, section 2.1), in lower case, without application/.
var accessTypes = []string{"jwt", "at+jwt"}

// checkHeader refuses a token of another purpose, and one that must not be taken by those that do not know what it
// demands (RFC 7515, section 4.1.11): nothing that crit could name is known here.
func checkHeader(header map[string]any) error {
	if _, demands := header["crit"]; demands {
		return errors.New("its crit demands what is not known here")
	}
	kind, given := header["typ"]
	if !given {
		return nil
	}
	text, _ := kind.(string)
	if !slices.Contains(accessTypes, strings.TrimPrefix(strings.ToLower(text), "application/")) {
		return fmt.Errorf("a token of typ %.40q", fmt.Sprint(kind))
	}
	return nil
}

// keyOf returns the key that must have signed a token, if that is what it claims.
func (j *JWT) keyOf(ctx context.Context, token *jwt.Token) (any, error) {
	if err := checkHeader(token.Header); err != nil {
		return nil, err
	}
	key := j.key
	if j.cfg.Set != nil {
		id, _ := token.Header["kid"].(string)
		var err error
		if key, err = j.cfg.Set.key(ctx, id); err != nil {
			return nil, err
		}
	}
	if token.Method.Alg() != key.alg {
		return nil, fmt.Errorf("signed by %s, want %s", token.Method.Alg(), key.alg)
	}
	return key.key, nil
}
