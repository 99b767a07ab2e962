package gateway

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/navvy-go/navvy/lockmgr/idemhttp"
)

// mediaType is the type of a request's body, without parameters.
func mediaType(r *http.Request) string {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind
}

// readJSON returns the body of a request, of the length that is allowed.
func (g *Gateway) readJSON(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if kind := mediaType(r); kind != "application/json" {
		return nil, unsupportedMedia.because("The Content-Type is %q, want application/json.", kind)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, g.cfg.MaxBody))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return nil, err
	case err != nil:
		return nil, badRequest.because("The body ended too early.")
	}
	return body, nil
}

// decode reads a body into a value. A name that is not known is refused: a misspelt "in" must not run a job at once.
func (g *Gateway) decode(w http.ResponseWriter, r *http.Request, value any) error {
	body, err := g.readJSON(w, r)
	if err != nil {
		return err
	}
	return parse(body, value)
}

// parse reads a JSON text of a client.
func parse(body []byte, value any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(value)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), hasMore(decoder):
		return badRequest.because("The body is not JSON.")
	case err != nil:
		return invalid.because("%s", mismatch(err))
	}
	return nil
}

// hasMore reports whether something follows the value that was read.
func hasMore(decoder *json.Decoder) bool {
	_, err := decoder.Token()
	return !errors.Is(err, io.EOF)
}

// mismatch says why a JSON text is not of the form that is wanted, in the words of JSON and not of Go.
func mismatch(err error) string {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return strings.TrimPrefix(err.Error(), "json: ")
	}
	kind, _, _ := strings.Cut(wrong.Value, " ") // a number comes with its digits
	return fmt.Sprintf("%s cannot be of the type %s", cmp.Or(wrong.Field, "the body"), kind)
}

// isArray reports whether a body is an array, by how it begins.
func isArray(body []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) }

// duration is a time span such as "90s" or "1h30m".
type duration time.Duration

// UnmarshalJSON reads what time.ParseDuration does.
func (d *duration) UnmarshalJSON(text []byte) error {
	var written string
	if err := json.Unmarshal(text, &written); err != nil {
		return fmt.Errorf("%s is no duration, want a string such as \"90s\"", text)
	}
	read, err := time.ParseDuration(written)
	if err != nil {
		return fmt.Errorf("%q is no duration, want a string such as \"90s\"", written)
	}
	*d = duration(read)
	return nil
}

// effectID names the n-th thing that a request makes after its Idempotency-Key, or returns "" if it has none: when the
// request is repeated after a failure, what was made nevertheless is recognised.
//
// Why: docs/decisions/gateway.md#the-gateway-names-what-it-makes-after-the-idempotency-key
func effectID(r *http.Request, n int) string {
	key := idemhttp.Key(r.Context())
	if key == "" {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d", exchangeOf(r.Context()).caller.Name, r.URL.Path, key, n))
	return "once-" + hex.EncodeToString(sum[:16])
}
